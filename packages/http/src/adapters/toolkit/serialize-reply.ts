import { type HeaderSet, mergeHeaders } from "../../headers.js";
import type { Reply } from "../../types.js";

/** A reply as every bridge sends it, so that its bytes are the same in all of them. */
export interface SerializedReply {
  readonly status: number;
  readonly headers: HeaderSet;
  /** `undefined` means that the answer has no body. */
  readonly text: string | undefined;
}

const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** Joins a verdict's headers with its reply's and writes the body. */
export function serializeReply(reply: Reply, headers: HeaderSet = {}): SerializedReply {
  const { status } = reply;
  const all = mergeHeaders(headers, reply.headers);
  // JSON.stringify has no text for undefined, whatever its type says.
  const text = WITHOUT_BODY.has(status) || reply.body === undefined ? undefined : JSON.stringify(reply.body);
  return {
    status,
    text,
    headers: text === undefined ? all : mergeHeaders({ "content-type": "application/json" }, all),
  };
}
