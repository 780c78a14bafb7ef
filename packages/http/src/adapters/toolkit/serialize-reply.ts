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

const TYPE = { "content-type": "application/json" };
/** A refusal is for this request alone. `problem` says so itself. */
const REFUSAL = { "cache-control": "no-store" };

/** Merges the headers of a verdict and its reply, and serializes the body. Caches must not store a refusal. */
export function serializeReply(reply: Reply, headers: HeaderSet = {}): SerializedReply {
  const { status } = reply;
  const own = status >= 400 ? mergeHeaders(REFUSAL, reply.headers) : reply.headers;
  const all = mergeHeaders(headers, own);
  // JSON.stringify returns undefined for undefined, although its type says string.
  const text = WITHOUT_BODY.has(status) || reply.body === undefined ? undefined : JSON.stringify(reply.body);
  return {
    status,
    text,
    headers: text === undefined ? all : mergeHeaders(TYPE, all),
  };
}
