import type { RateLimitRule } from "@scale/core";
import { type Algorithm, type State, startOf, windowUs } from "./algorithm.js";

/** Number of parts a window is counted in. More parts admit more of the limit and need more memory. */
const PARTS = 10;

/** The current part and the earlier parts that a window's length touches. */
const KEPT = PARTS + 1;

/**
 * Never admits more than `limit` units in any window, wherever it begins: a tenth of the window is dropped only when all
 * of it is older than the window. The price: under constant overload it admits about ten elevenths of the limit.
 *
 * The state is `[start, window, newest, …, oldest]`: the units of the part that began at `start` and of the ten before.
 */
export function strictWindow(rule: RateLimitRule): Algorithm {
  const window = windowUs(rule);
  const { limit } = rule;
  const part = partUs(window);
  const sum = (state: State): number => total(state, KEPT);

  return {
    at(state = [], now) {
      const [start = 0, length = 0] = state;
      const begin = startOf(now, part);
      // Counts of another window length: units that it still covers count as if they had come just now.
      if (length !== window) return [begin, window, unitsStillCovered(state, now), ...zeros(PARTS)];
      // Below 0 the clock was set back.
      const passed = Math.max(0, (begin - start) / part);
      const counts = [...zeros(Math.min(passed, KEPT)), ...state.slice(2)];
      return [begin, window, ...counts.slice(0, KEPT)];
    },
    used: sum,
    add(state, units) {
      state[2] = (state[2] ?? 0) + units;
    },
    resetUs(state, now) {
      const [start = 0] = state;
      for (let i = 0; i < KEPT; i++) if ((state[i + 2] ?? 0) > 0) return start + (KEPT - i) * part - now;
      return 0;
    },
    waitUs(state, now, units) {
      const [start = 0] = state;
      let excess = sum(state) + units - limit;
      for (let i = KEPT - 1; i >= 0; i--) {
        excess -= state[i + 2] ?? 0;
        if (excess <= 0) return start + (KEPT - i) * part - now;
      }
      return start + KEPT * part - now;
    },
    refund(state, _now, { at, units }) {
      const [start = 0] = state;
      const i = Math.max(0, Math.ceil((start - at) / part));
      if (i < KEPT) state[i + 2] = Math.max(0, (state[i + 2] ?? 0) - units);
    },
  };
}

// Rounded up: the parts together must never be shorter than the window.
const partUs = (window: number): number => Math.ceil(window / PARTS);

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);

/** Units of the `kept` newest parts. */
function total(state: State, kept: number): number {
  let units = 0;
  for (let i = 0; i < kept; i++) units += state[i + 2] ?? 0;
  return units;
}

/** Units of a state with another window length that still count at `now`. */
function unitsStillCovered(state: State, now: number): number {
  const [start = 0, length = 0] = state;
  if (length === 0) return 0;
  const passed = Math.max(0, Math.floor((now - start) / partUs(length)));
  return total(state, Math.max(0, KEPT - passed));
}
