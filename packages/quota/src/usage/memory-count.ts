import type { Clock } from "@scale/core";
import { joinKey } from "@scale/core/kit";
import type { Totals } from "./rules.js";
import { KEEP_OUTCOME_MS, type UsageAddress } from "./store.js";

/** One count in memory. */
export interface UsageCount {
  /** Thresholds up to this part of the limit were reached. */
  reached: number;
  totals(): Totals;
  hold(id: string, units: number, until: number): void;
  /** True while the hold of the id has not expired. */
  holds(id: string): boolean;
  /** Adds units, in place of the hold of the id if there is one. Negative units are given back. */
  use(units: number, id?: string): void;
  drop(id: string): void;
  /** Subtracts units once for an id. @returns the units that the id was credited with before */
  credit(id: string, units: number): number | undefined;
}

function createUsageCount(clock: Clock): UsageCount {
  const holds = new Map<string, { readonly units: number; readonly until: number }>();
  const credits = new Map<string, number>();
  let used = 0;

  function totals(): Totals {
    let held = 0;
    for (const [id, { units, until }] of holds) {
      if (until > clock.now()) held += units;
      else holds.delete(id);
    }
    return { used, held };
  }

  return {
    reached: 0,
    totals,
    hold: (id, units, until) => void holds.set(id, { units, until }),
    holds: (id) => (holds.get(id)?.until ?? 0) > clock.now(),
    use(units, id) {
      used += units;
      if (id !== undefined) holds.delete(id);
    },
    drop: (id) => void holds.delete(id),
    credit(id, units) {
      const before = credits.get(id);
      if (before === undefined) used -= units;
      credits.set(id, before ?? units);
      return before;
    },
  };
}

/** @returns a function that finds or creates the count of a tenant's metric and period; past periods are evicted */
export function createCounts(clock: Clock): (address: UsageAddress) => UsageCount {
  const counts = new Map<string, { readonly count: UsageCount; readonly keepUntil: number }>();
  let evictAt = 1000;

  function evictPast(): void {
    if (counts.size < evictAt) return;
    for (const [name, { keepUntil }] of counts) if (keepUntil <= clock.now()) counts.delete(name);
    evictAt = Math.max(1000, counts.size * 2);
  }

  return ({ tenantId, metric, period }) => {
    const name = joinKey([tenantId, metric, period.key]);
    const known = counts.get(name);
    if (known !== undefined) return known.count;
    evictPast();
    const count = createUsageCount(clock);
    counts.set(name, { count, keepUntil: period.endsAt + 2 * KEEP_OUTCOME_MS });
    return count;
  };
}
