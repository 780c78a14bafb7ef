import type { Clock } from "@scale/core";
import { joinKey } from "@scale/core/kit";
import type { UsageAddress } from "../types.js";
import type { Level } from "./rules.js";
import { KEEP_OUTCOME_MS } from "./store.js";

/** What became of one id. `units` are those reserved. A hold that has expired is still known by it. */
export type Fate =
  | { readonly is: "held"; readonly units: number; readonly until: number }
  | { readonly is: "expired" | "released"; readonly units: number }
  | { readonly is: "committed"; readonly recorded: number; readonly late: boolean };

/** One count in memory. */
export interface UsageCount {
  /** Bits of the thresholds that were reached. */
  reached: number;
  level(): Level;
  find(id: string): Fate | undefined;
  /** True when the id gets the same answer again: not when its hold has expired. */
  knows(id: string): boolean;
  hold(id: string, units: number, until: number): void;
  /** In place of the hold, if there is one. */
  commit(id: string | undefined, outcome: { readonly recorded: number; readonly late: boolean }): void;
  release(id: string): void;
}

function createUsageCount(clock: Clock): UsageCount {
  const fates = createFates(clock);
  const holds = new Map<string, { readonly units: number; readonly until: number }>();
  let used = 0;

  function level(): Level {
    let held = 0;
    for (const [id, { units, until }] of holds) {
      if (until > clock.now()) held += units;
      else holds.delete(id);
    }
    return { used, held };
  }

  return {
    reached: 0,
    level,
    find: fates.find,
    knows: (id) => !["expired", undefined].includes(fates.find(id)?.is),
    hold(id, units, until) {
      holds.set(id, { units, until });
      fates.set(id, { is: "held", units, until });
    },
    commit(id, { recorded, late }) {
      used += recorded;
      if (id === undefined) return;
      holds.delete(id);
      fates.set(id, { is: "committed", recorded, late });
    },
    release(id) {
      const fate = fates.find(id);
      if (fate?.is !== "held") return;
      holds.delete(id);
      fates.set(id, { is: "released", units: fate.units });
    },
  };
}

/** What became of ids, for as long as they get the same answer. */
function createFates(clock: Clock): { set(id: string, fate: Fate): void; find(id: string): Fate | undefined } {
  const fates = new Map<string, { readonly fate: Fate; readonly keepUntil: number }>();
  return {
    set(id, fate) {
      const now = clock.now();
      fates.delete(id);
      fates.set(id, { fate, keepUntil: (fate.is === "held" ? fate.until : now) + KEEP_OUTCOME_MS });
      // Nearly in the order in which they are forgotten; a long hold keeps those after it a little longer.
      for (const [oldest, { keepUntil }] of fates) {
        if (keepUntil > now) break;
        fates.delete(oldest);
      }
    },
    find(id) {
      const found = fates.get(id);
      if (found === undefined || found.keepUntil <= clock.now()) return undefined;
      const { fate } = found;
      return fate.is === "held" && fate.until <= clock.now() ? { is: "expired", units: fate.units } : fate;
    },
  };
}

/** A count for every metric of a tenant and period, made when it is first asked for. */
export interface Counts {
  open(address: UsageAddress): UsageCount;
}

export function createCounts(clock: Clock): Counts {
  const counts = new Map<string, { readonly count: UsageCount; readonly keepUntil: number }>();
  let forgetAt = 1000;

  function forgetPast(): void {
    if (counts.size < forgetAt) return;
    for (const [name, { keepUntil }] of counts) if (keepUntil <= clock.now()) counts.delete(name);
    forgetAt = Math.max(1000, counts.size * 2);
  }

  return {
    open({ tenantId, metric, period }) {
      const name = joinKey([tenantId, metric, period.key]);
      const known = counts.get(name);
      if (known !== undefined) return known.count;
      forgetPast();
      const count = createUsageCount(clock);
      counts.set(name, { count, keepUntil: period.endsAt + 2 * KEEP_OUTCOME_MS });
      return count;
    },
  };
}
