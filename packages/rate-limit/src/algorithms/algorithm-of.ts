import type { RateLimitRule } from "@scale/core";
import type { Algorithm } from "./algorithm.js";
import { fixedWindow } from "./fixed-window.js";
import { gcra } from "./gcra.js";
import { slidingWindow } from "./sliding-window.js";
import { strictWindow } from "./strict-window.js";

const FACTORIES: Readonly<Record<string, (rule: RateLimitRule) => Algorithm>> = {
  gcra,
  "sliding-window": slidingWindow,
  "strict-window": strictWindow,
  "fixed-window": fixedWindow,
} satisfies Record<Exclude<RateLimitRule["algorithm"], "concurrency">, unknown>;

const known = new WeakMap<RateLimitRule, Algorithm | undefined>();

/** The algorithm of a rule, created once per rule object. `undefined` for `concurrency`, which counts slots. */
export function algorithmOf(rule: RateLimitRule): Algorithm | undefined {
  if (known.has(rule)) return known.get(rule);
  const algorithm = FACTORIES[rule.algorithm]?.(rule);
  known.set(rule, algorithm);
  return algorithm;
}
