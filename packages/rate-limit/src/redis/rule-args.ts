import type { RateLimitBlock, RateLimitRule } from "@scale/core";
import { windowUs } from "../algorithms/algorithm.js";
import { usPerUnit } from "../algorithms/gcra.js";

// The clock that expires keys is not always the clock that decides, so a key lives for at least a second.
const MIN_TTL_MS = 1000;

/** Windows after which nothing of a count is left. */
const WINDOWS_KEPT = { "fixed-window": 1, "sliding-window": 2, "strict-window": 1.2, concurrency: 1 } as const;
const KINDS = { gcra: 0, "fixed-window": 1, "sliding-window": 2, "strict-window": 3, concurrency: 4 } as const;

/** A rule as `consume-gcra.lua` reads it. */
export const gcraArgs: (rule: RateLimitRule) => string = memoized(
  (rule) => `,${rule.burst},${usPerUnit(rule)},"${ttlMs(rule)}"`,
);

/** A rule as the arguments of `consume-gcra-request.lua`. */
export const gcraRequestArgs: (rule: RateLimitRule) => readonly string[] = memoized((rule) => [
  String(rule.burst),
  String(usPerUnit(rule)),
  String(ttlMs(rule)),
]);

/** A rule as `consume.lua` reads it. */
export const ruleArgs: (rule: RateLimitRule) => string = memoized((rule) => {
  const { algorithm, shadow, burst, block } = rule;
  const length = algorithm === "gcra" ? usPerUnit(rule) : windowUs(rule);
  const blockArgs = block === undefined ? "0" : JSON.stringify(blockNumbers(block, windowUs(rule)));
  return `,${KINDS[algorithm]},${shadow ? 1 : 0},${burst},${length},"${ttlMs(rule)}",${blockArgs}`;
});

const blockNumbers = ({ afterDenials, durationMs, factor, maxMs }: RateLimitBlock, window: number): number[] => [
  ...[afterDenials, durationMs * 1000, factor, maxMs * 1000, window],
];

function ttlMs({ algorithm, windowMs, burst, limit }: RateLimitRule): number {
  // A bucket holds at most the burst, so it is empty after this time.
  const keptMs = algorithm === "gcra" ? (windowMs / limit) * burst : windowMs * WINDOWS_KEPT[algorithm];
  return Math.max(MIN_TTL_MS, Math.ceil(keptMs) + 1);
}

function memoized<T>(argsOf: (rule: RateLimitRule) => T): (rule: RateLimitRule) => T {
  const known = new WeakMap<RateLimitRule, T>();
  return (rule) => {
    let args = known.get(rule);
    if (args === undefined) known.set(rule, (args = argsOf(rule)));
    return args;
  };
}
