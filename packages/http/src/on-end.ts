import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describeValue } from "@scale/core/kit";

/** What waits for a response to be over. */
const waiting = new WeakMap<ServerResponse, (() => void)[]>();

/** The open responses of each connection. */
const carried = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `ended` once when the response is over: sent to its end or broken off, at once when it is over already.
 * It may be called for a response again.
 */
export function onResponseEnd(response: ServerResponse, ended: () => void): void {
  const { socket } = response.req;
  if (response.writableFinished || response.destroyed || socket.destroyed) return callEnded(ended);
  const others = waiting.get(response);
  if (others !== undefined) return void others.push(ended);
  waiting.set(response, [ended]);
  const open = openOn(socket);
  const finish = (): void => {
    const all = waiting.get(response) ?? [];
    waiting.delete(response);
    open.delete(finish);
    all.forEach(callEnded);
  };
  response.once("finish", finish).once("close", finish);
  // A pipelined response that waits for its turn hears nothing of the end of its connection.
  open.add(finish);
}

// One listener for each connection, however many requests it carries.
function openOn(socket: Socket): Set<() => void> {
  const known = carried.get(socket);
  if (known !== undefined) return known;
  const open = new Set<() => void>();
  carried.set(socket, open);
  socket.once("close", () => {
    for (const finish of [...open]) finish();
  });
  return open;
}

/**
 * For a response that no event tells the end of: a function to call when it is over, which is heard once, or not at all
 * when the runtime has told by `signal` that the client has left.
 */
export function endsOnce(ended: () => void, signal: AbortSignal): () => void {
  let over = false;
  const finish = (): void => {
    if (over) return;
    over = true;
    signal.removeEventListener("abort", finish);
    callEnded(ended);
  };
  signal.addEventListener("abort", finish);
  if (signal.aborted) finish();
  return finish;
}

/** Calls it. It runs where no caller could answer for it, so what it throws becomes a warning of the process. */
function callEnded(ended: () => void): void {
  try {
    ended();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)));
  }
}

/** One function for many, each called whatever another one does. */
export function allEnded(list: readonly (() => void)[]): () => void {
  return () => list.forEach(callEnded);
}
