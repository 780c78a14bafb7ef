import type { ServerResponse } from "node:http";
import { type HeaderSet, type HeaderTarget, writeHeaders } from "../../headers.js";
import { serializeReply } from "./serialize-reply.js";
import type { Reply } from "../../types.js";

/** Sends a reply under the verdict's headers, unless the response has begun or the client has left. */
export function sendReply(response: ServerResponse, reply: Reply, verdictHeaders?: HeaderSet): void {
  if (response.headersSent || response.destroyed) return;
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
