import type { Clock } from "@scale/core";
import { joinKey } from "@scale/core/kit";
import type { Totals } from "./rules.js";
import { KEEP_OUTCOME_MS, type UsageAddress } from "./store.js";

/** State of one id. `units` are the reserved ones. An expired hold is remembered, so that a late commit knows its units. */
export type ReservationState =
  | { readonly is: "held"; readonly units: number; readonly until: number }
  | { readonly is: "expired" | "released"; readonly units: number }
  | { readonly is: "committed"; readonly recorded: number; readonly late: boolean };

/** One count in memory. */
export interface UsageCount {
  /** Bits of the thresholds that were reached. */
  reached: number;
  totals(): Totals;
  find(id: string): ReservationState | undefined;
  /** True when the id gets the same answer again. False after its hold has expired. */
  knows(id: string): boolean;
  hold(id: string, units: number, until: number): void;
  /** Adds units, in place of the hold if there is one. */
  commit(id: string | undefined, outcome: { readonly recorded: number; readonly late: boolean }): void;
  release(id: string): void;
}

function createUsageCount(clock: Clock): UsageCount {
  const states = createReservationStates(clock);
  const holds = new Map<string, { readonly units: number; readonly until: number }>();
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
    find: states.find,
    knows: (id) => !["expired", undefined].includes(states.find(id)?.is),
    hold(id, units, until) {
      holds.set(id, { units, until });
      states.set(id, { is: "held", units, until });
    },
    commit(id, { recorded, late }) {
      used += recorded;
      if (id === undefined) return;
      holds.delete(id);
      states.set(id, { is: "committed", recorded, late });
    },
    release(id) {
      const state = states.find(id);
      if (state?.is !== "held") return;
      holds.delete(id);
      states.set(id, { is: "released", units: state.units });
    },
  };
}

/** States of ids, for as long as an id gets the same answer. */
function createReservationStates(clock: Clock): {
  set(id: string, state: ReservationState): void;
  find(id: string): ReservationState | undefined;
} {
  const states = new Map<string, { readonly state: ReservationState; readonly keepUntil: number }>();
  return {
    set(id, state) {
      const now = clock.now();
      states.delete(id);
      states.set(id, { state, keepUntil: (state.is === "held" ? state.until : now) + KEEP_OUTCOME_MS });
      // The map is nearly in the order of `keepUntil`; a long hold keeps the ids after it a little longer.
      for (const [oldest, { keepUntil }] of states) {
        if (keepUntil > now) break;
        states.delete(oldest);
      }
    },
    find(id) {
      const found = states.get(id);
      if (found === undefined || found.keepUntil <= clock.now()) return undefined;
      const { state } = found;
      return state.is === "held" && state.until <= clock.now() ? { is: "expired", units: state.units } : state;
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
