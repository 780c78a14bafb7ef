import { type Clock, systemClock } from "@scale/core";
import { type Counts, createCounts, type UsageCount } from "./memory-count.js";
import type { CommitInput, CommitOutcome, Reconciled } from "../types.js";
import { checkCommit, checkReserve, checkUse } from "./check-input.js";
import { hasRoom, newlyReached, partsOf, recordedUnits, thresholdUnits } from "./rules.js";
import type { BulkUsageStore, ChargesOutcome, ReserveAllInput, UsageCharge, UseAllInput } from "./store.js";

export interface MemoryUsageOptions {
  readonly clock?: Clock;
}

/** Counts usage in this process alone, and until it ends: for tests, and for programs of one process. */
export function memoryUsage({ clock = systemClock }: MemoryUsageOptions = {}): BulkUsageStore {
  const counts = createCounts(clock);

  function reserveAll({ ttlMs, ...input }: ReserveAllInput): ChargesOutcome {
    checkReserve({ ttlMs, ...input });
    const until = clock.now() + ttlMs;
    return charge(counts, input, ({ count, charge: { units } }) => {
      count.hold(input.id, units, until);
      return [];
    });
  }

  function useAll(input: UseAllInput): ChargesOutcome {
    checkUse(input);
    return charge(counts, input, ({ count, charge: { units, limit } }) => {
      count.commit(input.id, { recorded: units, late: false });
      return reach(count, limit);
    });
  }

  return {
    reserveAll: async (input) => reserveAll(input),
    useAll: async (input) => useAll(input),
    async reserve({ tenantId, id, ttlMs, ...one }) {
      const { admitted, charges } = reserveAll({ tenantId, id, ttlMs, charges: [one] });
      const { used = 0, held = 0, repeated = false } = charges[0] ?? {};
      return { admitted, used, held, repeated };
    },
    async commit(input) {
      checkCommit(input);
      return commit(counts.open(input), input);
    },
    release: async ({ id, ...address }) => counts.open(address).release(id),
    read: async ({ tenantId, metrics }) =>
      metrics.map((metric) => ({ ...counts.open({ ...metric, tenantId }).level(), exact: true, asOf: clock.now() })),
    reconcile: async (address) => uncompared(counts.open(address)),
  };
}

/** There is nothing else to compare it with. */
function uncompared(count: UsageCount): Reconciled {
  const { used } = count.level();
  return { before: used, source: used, drift: 0, corrected: true };
}

interface Charged {
  readonly charge: UsageCharge;
  readonly count: UsageCount;
}

/** All or none. `write` does what was admitted, and tells which thresholds it reached. */
function charge(
  counts: Counts,
  { tenantId, id, charges }: UseAllInput,
  write: (one: Charged) => readonly number[],
): ChargesOutcome {
  const asked = charges.map((charge) => {
    const count = counts.open({ ...charge, tenantId });
    const repeated = id !== undefined && count.knows(id);
    return { charge, count, repeated, admitted: repeated || hasRoom(count.level(), charge.units, charge.max) };
  });
  const admitted = asked.every((one) => one.admitted);
  const reached = asked.map((one) => (admitted && !one.repeated ? write(one) : []));
  return {
    admitted,
    charges: asked.map(({ charge: { metric }, count, ...one }, i) => {
      return { metric, admitted: one.admitted, repeated: one.repeated, ...count.level(), reached: reached[i] ?? [] };
    }),
  };
}

function commit(count: UsageCount, { id, units, over, max, limit }: CommitInput): CommitOutcome {
  const known = count.find(id);
  if (known?.is === "committed") {
    const { recorded, late } = known;
    return { committed: true, repeated: true, recorded, late, ...count.level(), reached: [] };
  }
  const isHeld = known?.is === "held";
  const reserved = known?.units ?? units;
  const recorded = recordedUnits(count.level(), { units, reserved, isHeld, over, max });
  const outcome = { repeated: false, late: !isHeld };
  if (recorded === undefined) return { ...outcome, committed: false, recorded: 0, ...count.level(), reached: [] };
  count.commit(id, { recorded, late: !isHeld });
  const reached = recorded > 0 ? reach(count, limit) : [];
  return { ...outcome, committed: true, recorded, ...count.level(), reached };
}

function reach(count: UsageCount, limit: number): readonly number[] {
  const bits = newlyReached(count.reached, count.level().used, thresholdUnits(limit));
  count.reached |= bits;
  return partsOf(bits);
}
