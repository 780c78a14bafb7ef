import type { RateLimitRule } from "@scale/core";
import { type Algorithm, startOf, windowUs } from "./algorithm.js";

/**
 * Counts in windows that begin at multiples of their length since 1970 in UTC: `1h` and `1d` are calendar hours and
 * days. When a window ends, the whole limit is available again.
 *
 * An interval of the same length that spans two windows admits at most `2 × limit`.
 * The state is `[start, window, count]`; the window length marks a count of an earlier configuration of the rule.
 */
export function fixedWindow(rule: RateLimitRule): Algorithm {
  const window = windowUs(rule);

  return {
    at([start = 0, length = 0, count = 0] = [], now) {
      const current = startOf(now, window);
      // A start in the future: the clock was set back.
      const counts = length === window ? start >= current : start + length > now;
      return [current, window, counts ? count : 0];
    },
    used: ([, , count = 0]) => count,
    add(state, units) {
      state[2] = (state[2] ?? 0) + units;
    },
    resetUs: ([start = 0, , count = 0], now) => (count > 0 ? start + window - now : 0),
    waitUs: ([start = 0], now) => start + window - now,
    refund(state, _now, { at, units }) {
      const [start = 0, , count = 0] = state;
      if (at >= start) state[2] = Math.max(0, count - units);
    },
  };
}
