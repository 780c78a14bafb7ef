import type { RateLimitRule } from "@scale/core";
import { capacity, type Algorithm, type MutableState, startOf, windowUs } from "./algorithm.js";

/**
 * The sliding window counter: the usage of the current window plus the share of the previous window's usage that a
 * sliding window would still cover, assuming it came evenly.
 *
 * Worst case: `2 × limit` in one window's length, by a burst at the end of a window and another one when that burst has
 * slid out. The state is `[start, window, current, previous]`, with a negative window when units were charged beyond the limit.
 *
 * Source: "How we built rate limiting capable of scaling to millions of domains", Cloudflare, 2017.
 */
export function slidingWindow(rule: RateLimitRule): Algorithm {
  const { limit } = rule;
  const window = windowUs(rule);
  const full = capacity(limit);
  const mark = (state: MutableState): MutableState => {
    const [, , current = 0, previous = 0] = state;
    state[1] = current > limit || previous > limit ? -window : window;
    return state;
  };
  const covered = (start: number, now: number): number => (window - (now - start)) / window;

  return {
    at([start = 0, marked = 0, current = 0, previous = 0] = [], now) {
      const begin = startOf(now, window);
      const length = Math.abs(marked);
      const most = marked < 0 ? Infinity : limit;
      if (length !== window) {
        // Counts of another window length: units that are still covered count as if they had come just now.
        const all = start + length > now ? current + previous : current;
        return mark([begin, window, start + 2 * length > now ? Math.min(all, most) : 0, 0]);
      }
      const capped = Math.min(current, most);
      // A start in the future: the clock was set back.
      if (start >= begin) return mark([begin, window, capped, Math.min(previous, most)]);
      return mark([begin, window, 0, start + window === begin ? capped : 0]);
    },
    used: ([start = 0, , current = 0, previous = 0], now) => current + previous * covered(start, now),
    add(state, units) {
      state[2] = (state[2] ?? 0) + units;
    },
    force(state, units) {
      state[2] = (state[2] ?? 0) + units;
      mark(state);
    },
    resetUs([start = 0, , current = 0, previous = 0], now) {
      if (current > 0) return start + 2 * window - now;
      return previous > 0 ? start + window - now : 0;
    },
    waitUs([start = 0, , current = 0, previous = 0], now, units) {
      const room = full - current - units;
      // Room comes in this window as the previous one slides out, or in the next window as this one does.
      if (room >= 0) return Math.max(1, Math.ceil(start + window - (room * window) / previous - now));
      const inNext = Math.max(0, window - ((full - units) * window) / current);
      return Math.ceil(start + window + inNext - now);
    },
    refund(state, _now, { at, units }) {
      const [start = 0, , current = 0, previous = 0] = state;
      if (at >= start) state[2] = Math.max(0, current - units);
      else if (at >= start - window) state[3] = Math.max(0, previous - units);
    },
  };
}
