import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { runOnEnd } from "../../on-end.js";

/** Callbacks of each response that has not ended. */
const callbacks = new WeakMap<ServerResponse, (() => void)[]>();

/** End functions of the open responses of each connection. */
const openResponses = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `onEnd` once when the response has finished or the client disconnected; at once when that has already happened.
 * It may be called several times for one response.
 */
export function onResponseEnd(response: ServerResponse, onEnd: () => void): void {
  const { socket } = response.req;
  if (response.writableFinished || response.destroyed || socket.destroyed) return runOnEnd(onEnd);
  const others = callbacks.get(response);
  if (others !== undefined) return void others.push(onEnd);
  callbacks.set(response, [onEnd]);
  const open = openResponsesOf(socket);
  const end = (): void => {
    const all = callbacks.get(response) ?? [];
    callbacks.delete(response);
    open.delete(end);
    all.forEach(runOnEnd);
  };
  response.once("finish", end).once("close", end);
  // A pipelined response that waits for its turn emits no event when its connection closes.
  open.add(end);
}

// One listener per connection, however many requests the connection carries.
function openResponsesOf(socket: Socket): Set<() => void> {
  const known = openResponses.get(socket);
  if (known !== undefined) return known;
  const open = new Set<() => void>();
  openResponses.set(socket, open);
  socket.once("close", () => {
    for (const end of [...open]) end();
  });
  return open;
}
