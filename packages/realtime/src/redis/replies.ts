import { StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { z } from "zod";
import type { Cursor, ReadResult, Tails } from "../store.js";

// A client may return numbers as strings, and strings as buffers, where the application configured it so.
const field = z.union([z.string(), z.number(), z.instanceof(Buffer)]).transform(String);
const fields = z.array(field);
const EPOCH = /^[0-9a-f]{32}$/;

const isStrings = (reply: unknown): reply is readonly string[] =>
  Array.isArray(reply) && reply.every((each) => typeof each === "string");

/** @throws {StoreError} for a reply of anything else than the script */
function parseFields(script: string, reply: unknown): readonly string[] {
  // The usual reply of an append, which every event waits for.
  if (isStrings(reply)) return reply;
  const { data } = fields.safeParse(reply);
  if (data === undefined) throw unexpected(script, reply);
  return data;
}

const unexpected = (script: string, reply: unknown): StoreError =>
  new StoreError(`Redis script ${script}: expected a reply of this script, got ${describeValue(reply)}`);

function cursorOf(script: string, [epoch = "", text]: readonly (string | undefined)[]): Cursor {
  const position = Number(text);
  if (EPOCH.test(epoch) && Number.isSafeInteger(position) && position >= 0) return { epoch, position };
  throw unexpected(script, [epoch === "" ? "" : "…", text]);
}

/** The cursor of each event, or the error of the server about it. */
export function parseCursors(reply: unknown, count: number): readonly (Cursor | StoreError)[] {
  const parts = parseFields("append", reply);
  if (parts.length !== count * 2) throw unexpected("append", reply);
  const cursors: (Cursor | StoreError)[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const pair = [parts[i], parts[i + 1]] as const;
    cursors.push(pair[0] === "" ? new StoreError(`Redis script append failed: ${pair[1]}`) : cursorOf("append", pair));
  }
  return cursors;
}

const KINDS: ReadonlySet<string> = new Set<ReadResult["is"]>(["head", "events", "trimmed", "unknown"]);
const isKind = (text: string): text is ReadResult["is"] => KINDS.has(text);

export function parseRead(reply: unknown, topics: readonly string[]): ReadResult {
  const [is = "", epoch, head, upTo, hasMore, ...rest] = parseFields("read", reply);
  if (!isKind(is) || rest.length % 3 !== 0) throw unexpected("read", is);
  const events = Array.from({ length: rest.length / 3 }, (_, i) => ({
    position: Number(rest[i * 3]),
    topic: topics[Number(rest[i * 3 + 1]) - 1] ?? "",
    body: rest[i * 3 + 2] ?? "",
  })).sort((a, b) => a.position - b.position);
  return { is, ...cursorOf("read", [epoch, head]), upTo: Number(upTo), hasMore: hasMore === "1", events };
}

export function parseTails(reply: unknown, topics: number): Tails {
  const [epoch, head, ...tails] = parseFields("tails", reply);
  if (tails.length !== topics) throw unexpected("tails", reply);
  return { ...cursorOf("tails", [epoch, head]), tails: tails.map(Number) };
}
