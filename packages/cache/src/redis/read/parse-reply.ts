import { StoreError } from "@scale/core";
import type { ReadResult } from "../../store.js";
import { parseEntry } from "./parse-entry.js";

/** Parses what `read.lua` returns for one entry. */
export function parseReply(reply: unknown, now: number, token: string): ReadResult {
  if (typeof reply !== "string") throw unexpectedReply("a string for each entry", reply);
  const kind = reply.charAt(0);
  if (kind === "V" || kind === "T") return { is: "value", stored: parseEntry(reply, now) };
  const old = reply.length > 1 ? parseEntry(reply.slice(1), now) : undefined;
  return kind === "H" ? { is: "leased", token, old } : { is: "busy", old };
}

/** The reply itself is not in the message, because it may be a tenant's data. */
export function unexpectedReply(expected: string, got: unknown): StoreError {
  return new StoreError(`unexpected reply from Redis: expected ${expected}, got ${got === null ? "null" : typeof got}`);
}
