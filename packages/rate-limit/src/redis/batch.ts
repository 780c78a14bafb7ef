import type { RateLimitRule } from "@scale/core";
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
    const known = descriptions.get(rule) ?? describeRule(rule);
    descriptions.set(rule, known);
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

/** Gives every decision of the batch its part of the reply. */
export function settleBatch(batch: readonly Pending[], reply: unknown): void {
  const numbers = reply as readonly number[];
  let at = 0;
  for (const { take, resolve } of batch) {
    const allowed = numbers[at++] === 1;
    const standings = take.charges.map(({ rule }) => {
      const remaining = numbers[at++] ?? 0;
      const resetUs = numbers[at++] ?? 0;
      return standing({ remaining, resetUs }, take.cost, rule);
    });
    resolve({ allowed, standings });
  }
}
