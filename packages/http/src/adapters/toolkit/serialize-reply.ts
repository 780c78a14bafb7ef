import { type HeaderSet, mergeHeaders } from "../../headers.js";
import type { Reply } from "../../types.js";

/** A serialized reply. Every adapter sends it unchanged, so that the bytes are the same in all of them. */
export interface SerializedReply {
  readonly status: number;
  readonly headers: HeaderSet;
  /** `undefined` for a response without a body. */
  readonly text: string | undefined;
}

const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** Merges the headers of a verdict and its reply, and serializes the body. */
export function serializeReply(reply: Reply, headers: HeaderSet = {}): SerializedReply {
  const { status } = reply;
  const all = mergeHeaders(headers, reply.headers);
  // JSON.stringify returns undefined for undefined, although its type says string.
  const text = WITHOUT_BODY.has(status) || reply.body === undefined ? undefined : JSON.stringify(reply.body);
  return {
    status,
    text,
    headers: text === undefined ? all : mergeHeaders({ "content-type": "application/json" }, all),
  };
}
