import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { NOT_SENT, type OnEnd, runOnEnd } from "../../on-end.js";
import type { ResponseEnd } from "../../types.js";

/** Callbacks of each response that has not ended. */
const callbacks = new WeakMap<ServerResponse, OnEnd[]>();

/** End functions of the open responses of each connection. */
const openResponses = new WeakMap<object, Set<() => void>>();

/** A connection, or what stands for one: a serverless runtime passes an object with some members of a socket, or none. */
type Connection = Partial<Pick<Socket, "destroyed" | "once">>;

/**
 * Calls `onEnd` once when the response has finished or the client disconnected; at once when that has already happened.
 * It may be called several times for one response. When the response cannot be watched, `onEnd` is called before the error
 * is thrown: what a guard holds for the request is then free.
 */
export function onResponseEnd(response: ServerResponse, onEnd: OnEnd): void {
  try {
    register(response, onEnd);
  } catch (error) {
    runOnEnd(onEnd, NOT_SENT);
    throw error;
  }
}

function register(response: ServerResponse, onEnd: OnEnd): void {
  const connection = connectionOf(response);
  if (response.writableFinished) return runOnEnd(onEnd, endOf(response, true));
  if (response.destroyed || connection?.destroyed === true) return runOnEnd(onEnd, endOf(response, false));
  const others = callbacks.get(response);
  if (others !== undefined) return void others.push(onEnd);
  const open = openResponsesOf(connection);
  const end = (complete: boolean): void => {
    const all = callbacks.get(response) ?? [];
    callbacks.delete(response);
    open?.delete(close);
    const ended = endOf(response, complete);
    for (const each of all) runOnEnd(each, ended);
  };
  const close = (): void => end(false);
  response.once("finish", () => end(true)).once("close", close);
  // A pipelined response that waits for its turn emits no event when its connection closes.
  open?.add(close);
  callbacks.set(response, [onEnd]);
}

function endOf(response: ServerResponse, complete: boolean): ResponseEnd {
  return { status: response.headersSent ? response.statusCode : undefined, complete };
}

function connectionOf(response: ServerResponse): Connection | undefined {
  const request: Partial<IncomingMessage> | undefined = response.req;
  return request?.socket;
}

// One listener per connection, however many requests the connection carries.
function openResponsesOf(connection: Connection | undefined): Set<() => void> | undefined {
  if (typeof connection?.once !== "function") return undefined;
  const known = openResponses.get(connection);
  if (known !== undefined) return known;
  const open = new Set<() => void>();
  connection.once("close", () => {
    for (const close of [...open]) close();
  });
  openResponses.set(connection, open);
  return open;
}
