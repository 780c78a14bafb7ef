import { type RateLimitRule, StoreError } from "@scale/core";
import { standing } from "../gcra.js";
import type { Take, Taken } from "../types.js";

/** One decision that waits for its answer. */
export interface Pending {
  readonly take: Take;
  readonly keys: readonly string[];
  resolve(taken: Taken): void;
  reject(error: unknown): void;
}

/** The batch as `take.lua` reads it: keys and rules that occur more than once are sent once. */
export function encodeBatch(batch: readonly Pending[]): { keys: readonly string[]; body: string } {
  const [only] = batch;
  if (only !== undefined && batch.length === 1) return encodeOne(only);
  const keys = new Map<string, number>();
  const rules = new Map<RateLimitRule, number>();
  let asks = "";
  for (const pending of batch) {
    asks += `,${pending.take.cost},${pending.keys.length}`;
    pending.take.charges.forEach(({ rule }, i) => {
      asks += `,${indexOf(keys, pending.keys[i] ?? "")},${indexOf(rules, rule)}`;
    });
  }
  return { keys: [...keys.keys()], body: `[${rules.size}${describeRules(rules.keys())}${asks}]` };
}

/** Without the tables: a request that comes alone is the one that somebody waits for. */
function encodeOne({ take: { cost, charges }, keys }: Pending): { keys: readonly string[]; body: string } {
  let ask = `,${cost},${charges.length}`;
  for (let i = 1; i <= charges.length; i++) ask += `,${i},${i}`;
  return { keys, body: `[${charges.length}${describeRules(charges.map(({ rule }) => rule))}${ask}]` };
}

function indexOf<K>(table: Map<K, number>, key: K): number {
  const known = table.get(key);
  if (known !== undefined) return known;
  table.set(key, table.size + 1);
  return table.size;
}

const descriptions = new WeakMap<RateLimitRule, string>();

function describeRules(rules: Iterable<RateLimitRule>): string {
  let text = "";
  for (const rule of rules) {
    let known = descriptions.get(rule);
    if (known === undefined) descriptions.set(rule, (known = describeRule(rule)));
    text += known;
  }
  return text;
}

function describeRule({ limit, windowMs, burst }: RateLimitRule): string {
  // The bucket holds no more than the burst, so this is when it is empty at the latest. A second at the least, because
  // the clock that expires keys is not always the one that decides.
  const ttlMs = Math.max(1000, Math.ceil((windowMs / limit) * burst) + 1);
  return `,${limit / windowMs},${burst},${(windowMs * 1000) / limit},"${ttlMs}"`;
}

/**
 * Every decision's part of the reply, in the order of the batch.
 * @throws {StoreError} for a reply that does not fit the batch: it came from another script, or through a broken proxy
 */
export function decodeReply(batch: readonly Pending[], reply: unknown): Taken[] {
  const figures = batch.reduce((sum, { keys }) => sum + 1 + 2 * keys.length, 0);
  if (!isNumbers(reply) || reply.length !== figures)
    throw new StoreError("Redis answered something else than was asked");
  let at = 0;
  const next = (): number => reply[at++] as number;
  return batch.map(({ take: { cost, charges } }) => {
    const allowed = next() === 1;
    const standings = charges.map(({ rule }) => standing({ remaining: next(), resetUs: next() }, cost, rule));
    return { allowed, standings };
  });
}

const isNumbers = (reply: unknown): reply is readonly number[] =>
  Array.isArray(reply) && reply.every((figure) => typeof figure === "number");
