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
export function encodeBatch(batch: readonly Pending[]): { keys: string[]; body: string } {
  const keyIndex = new Map<string, number>();
  const ruleIndex = new Map<RateLimitRule, number>();
  const rules: (number | string)[] = [];
  const asks: number[] = [];
  for (const { take, keys } of batch) {
    asks.push(take.cost, keys.length);
    take.charges.forEach(({ rule }, i) => {
      asks.push(indexOf(keyIndex, keys[i] ?? ""));
      const known = ruleIndex.size;
      asks.push(indexOf(ruleIndex, rule));
      if (ruleIndex.size > known) rules.push(...describeRule(rule));
    });
  }
  return { keys: [...keyIndex.keys()], body: JSON.stringify([ruleIndex.size, ...rules, ...asks]) };
}

function indexOf<K>(table: Map<K, number>, key: K): number {
  const known = table.get(key);
  if (known !== undefined) return known;
  table.set(key, table.size + 1);
  return table.size;
}

function describeRule({ limit, windowMs, burst }: RateLimitRule): (number | string)[] {
  const perUnitMs = windowMs / limit;
  // The bucket holds no more than the burst, so this is when it is empty at the latest.
  return [limit / windowMs, burst, (windowMs * 1000) / limit, String(Math.ceil(perUnitMs * burst) + 1)];
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
