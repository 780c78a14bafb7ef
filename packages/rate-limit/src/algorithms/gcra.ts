import type { RateLimitRule } from "@scale/core";
import type { RuleStatus } from "../types.js";
import { capacity, type Algorithm, tolerance } from "./algorithm.js";

/** Bursts that a bucket may hold after a charge beyond its limit. */
const MAX_BURSTS = 1000;

/**
 * The generic cell rate algorithm in its leaky bucket form: a bucket of `burst` units that every admitted unit fills
 * and that leaks `limit` units per window. A cost that does not fit into the bucket is denied.
 *
 * In any window it admits at most `burst + limit` units: the burst at its start and what leaks during it.
 * The state is `[at, used]`, or `[at, used, -1]` when units were charged beyond the burst. It counts units, not times: adding
 * them is exact, and it keeps its meaning when the limit of a rule changes.
 *
 * Source: ITU-T I.371 annex A, "continuous-state leaky bucket algorithm".
 */
export function gcra(rule: RateLimitRule): Algorithm {
  const { burst } = rule;
  const perUnitUs = usPerUnit(rule);

  return {
    // The level stays between empty and full whatever was stored, and a clock that was set back locks out no client. Units
    // of an earlier, larger burst are cut off before anything leaks: denials write nothing, so a later cut would be too late.
    at([at = 0, used = 0, mark = 0] = [], now) {
      const most = mark < 0 ? burst * MAX_BURSTS : burst;
      const left = Math.min(used, most) - Math.max(now - at, 0) / perUnitUs;
      if (left > burst) return [now, left, -1];
      return [now, left > 0 ? left : 0];
    },
    used: ([, used = 0]) => used,
    add(state, units) {
      state[1] = (state[1] ?? 0) + units;
    },
    force(state, units) {
      state[1] = Math.min((state[1] ?? 0) + units, burst * MAX_BURSTS);
      if (state[1] > burst) state[2] = -1;
    },
    resetUs: ([, used = 0]) => resetUs(used, burst, perUnitUs),
    waitUs: ([, used = 0], _now, units) => waitUs(used + units, burst, perUnitUs),
    refund(state, now, { units, emptyAt }) {
      // First in, first out: older units leaked first, so these units leak last.
      const inside = Math.min(units, Math.max(0, (emptyAt - now) / perUnitUs));
      state[1] = Math.max(0, (state[1] ?? 0) - inside);
    },
  };
}

/** Microseconds per leaked unit. */
export const usPerUnit = ({ windowMs, limit }: RateLimitRule): number => (windowMs * 1000) / limit;

const resetUs = (used: number, burst: number, perUnitUs: number): number =>
  Math.max(0, Math.ceil((used - tolerance(burst)) * perUnitUs));

const waitUs = (wanted: number, burst: number, perUnitUs: number): number =>
  Math.max(1, Math.ceil((wanted - capacity(burst)) * perUnitUs));

/**
 * The status of a bucket that holds `used` units.
 * @param wanted units that must fit; 0 when no wait is needed
 */
export function gcraStatus(rule: RateLimitRule, used: number, wanted: number): RuleStatus {
  const { burst } = rule;
  const perUnitUs = usPerUnit(rule);
  const free = capacity(burst) - used;
  let waitMs = 0;
  if (wanted > burst) waitMs = Infinity;
  else if (used + wanted > capacity(burst)) waitMs = Math.ceil(waitUs(used + wanted, burst, perUnitUs) / 1000);
  return {
    remaining: free > 0 ? Math.floor(free) : 0,
    resetMs: Math.ceil(resetUs(used, burst, perUnitUs) / 1000),
    retryAfterMs: waitMs,
  };
}
