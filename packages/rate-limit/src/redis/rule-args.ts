import type { RateLimitRule } from "@scale/core";
import { windowUs } from "../algorithms/counter.js";
import { usPerUnit } from "../algorithms/gcra.js";

// A second at the least, because the clock that expires keys is not always the one that decides.
const SHORTEST_TTL_MS = 1000;

/** Windows after which nothing of a count is left. */
const WINDOWS_KEPT = { "fixed-window": 1, "sliding-window": 2, "strict-window": 1.2, concurrency: 1 } as const;
const KINDS = { gcra: 0, "fixed-window": 1, "sliding-window": 2, "strict-window": 3, concurrency: 4 } as const;

/** A rule as `take.lua` reads it. */
export const describePlain: (rule: RateLimitRule) => string = remembered(
  (rule) => `,${rule.burst},${usPerUnit(rule)},"${ttlMs(rule)}"`,
);

/** A rule as the arguments of `take-one.lua`. */
export const ruleArgs: (rule: RateLimitRule) => readonly string[] = remembered((rule) => [
  String(rule.burst),
  String(usPerUnit(rule)),
  String(ttlMs(rule)),
]);

/** A rule as `decide.lua` reads it. */
export const describeRule: (rule: RateLimitRule) => string = remembered((rule) => {
  const { algorithm, shadow, burst } = rule;
  const length = algorithm === "gcra" ? usPerUnit(rule) : windowUs(rule);
  return `,${KINDS[algorithm]},${shadow ? 1 : 0},${burst},${length},"${ttlMs(rule)}"`;
});

function ttlMs({ algorithm, windowMs, burst, limit }: RateLimitRule): number {
  // A bucket holds no more than the burst, so this is when it is empty at the latest.
  const keptMs = algorithm === "gcra" ? (windowMs / limit) * burst : windowMs * WINDOWS_KEPT[algorithm];
  return Math.max(SHORTEST_TTL_MS, Math.ceil(keptMs) + 1);
}

function remembered<T>(describe: (rule: RateLimitRule) => T): (rule: RateLimitRule) => T {
  const known = new WeakMap<RateLimitRule, T>();
  return (rule) => {
    let described = known.get(rule);
    if (described === undefined) known.set(rule, (described = describe(rule)));
    return described;
  };
}
