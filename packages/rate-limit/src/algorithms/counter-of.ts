import type { RateLimitRule } from "@scale/core";
import type { AlgorithmFactory, Algorithm } from "./counter.js";
import { fixedWindow } from "./fixed-window.js";
import { gcra } from "./gcra.js";
import { slidingWindow } from "./sliding-window.js";
import { strictWindow } from "./strict-window.js";

const ALGORITHMS: Readonly<Record<Exclude<RateLimitRule["algorithm"], "concurrency">, AlgorithmFactory>> = {
  gcra,
  "sliding-window": slidingWindow,
  "strict-window": strictWindow,
  "fixed-window": fixedWindow,
};

const known = new WeakMap<RateLimitRule, Algorithm | undefined>();

/** The counter of a rule, made once; `undefined` for `concurrency`, which counts slots. */
export function counterOf(rule: RateLimitRule): Algorithm | undefined {
  if (known.has(rule)) return known.get(rule);
  const counter = rule.algorithm === "concurrency" ? undefined : ALGORITHMS[rule.algorithm](rule);
  known.set(rule, counter);
  return counter;
}
