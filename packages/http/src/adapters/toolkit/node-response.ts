import type { ServerResponse } from "node:http";
import { ResponseBegunError } from "../../errors.js";
import { type HeaderSet, type HeaderTarget, writeHeaders } from "../../headers.js";
import { serializeReply } from "./serialize-reply.js";
import type { Reply } from "../../types.js";

/**
 * Sends a reply under the verdict's headers; nothing when the client has left or the response is complete.
 * @throws {ResponseBegunError} after it has closed the connection, for a response that has begun: the client must not wait
 * for the rest, and must not take the part for the whole
 */
export function sendReply(response: ServerResponse, reply: Reply, verdictHeaders?: HeaderSet): void {
  if (response.destroyed || response.writableEnded) return;
  if (response.headersSent) {
    response.destroy();
    throw new ResponseBegunError(reply.status);
  }
  const { status, headers, text } = serializeReply(reply, verdictHeaders);
  writeHeaders(headers, nodeHeaders(response));
  endResponse(response, status, text);
}

/** Ends a response whose headers are set. */
export function endResponse(response: ServerResponse, status: number, text: string | undefined): void {
  response.statusCode = status;
  response.end(text);
}

/** The headers of a `node:http` response, for `writeHeaders`. */
export function nodeHeaders(response: ServerResponse): HeaderTarget {
  return {
    get(name) {
      const value = response.getHeader(name);
      return value === undefined || typeof value === "string" ? value : String(value);
    },
    set: (name, value) => void response.setHeader(name, value),
    add: (name, value) => void response.appendHeader(name, value),
  };
}
