import { type Clock, systemClock } from "@scale/core";
import type { Reconciled } from "../types.js";
import { checkCommit, checkConsume, checkReserve } from "./check-input.js";
import { createCounts, type UsageCount } from "./memory-count.js";
import { hasRoom, recordedUnits } from "./rules.js";
import { newlyReached, thresholdsOf, thresholdUnits } from "../plan/thresholds.js";
import type { ChangesOutcome, CommitInput, CommitOutcome, ConsumeInput, UsageChange, UsageStore } from "./store.js";

/** Counts usage in this process, until it ends: for tests, and for programs of one process. */
export function memoryUsage({ clock = systemClock }: { readonly clock?: Clock } = {}): UsageStore {
  const countOf = createCounts(clock);
  return {
    async reserve({ ttlMs, ...input }) {
      checkReserve({ ttlMs, ...input });
      const until = clock.now() + ttlMs;
      return apply(countOf, input, (count, { units }) => {
        count.hold(input.id, units, until);
        return [];
      });
    },
    async consume(input) {
      checkConsume(input);
      return apply(countOf, input, (count, { units, limit }) => {
        count.commit(input.id, { recorded: units, late: false });
        return reachThresholds(count, limit);
      });
    },
    async commit(input) {
      checkCommit(input);
      return commit(countOf(input), input);
    },
    release: async ({ id, ...address }) => countOf(address).release(id),
    read: async ({ tenantId, metrics }) =>
      metrics.map((metric) => ({ ...countOf({ ...metric, tenantId }).totals(), exact: true, asOf: clock.now() })),
    reconcile: async (address) => withoutDrift(countOf(address)),
  };
}

/** This store has no ledger to compare the count with. */
function withoutDrift(count: UsageCount): Reconciled {
  const { used } = count.totals();
  return { before: used, source: used, drift: 0, corrected: true };
}

/** Applies all changes or none. `write` applies one admitted change, and returns the thresholds that it reached. */
function apply(
  countOf: ReturnType<typeof createCounts>,
  { tenantId, id, changes }: ConsumeInput,
  write: (count: UsageCount, change: UsageChange) => readonly number[],
): ChangesOutcome {
  const decisions = changes.map((change) => {
    const count = countOf({ ...change, tenantId });
    const repeated = id !== undefined && count.knows(id);
    return { change, count, repeated, admitted: repeated || hasRoom(count.totals(), change.units, change.max) };
  });
  const admitted = decisions.every((one) => one.admitted);
  const reached = decisions.map(({ count, change, repeated }) => (admitted && !repeated ? write(count, change) : []));
  return {
    admitted,
    changes: decisions.map(({ change: { metric }, count, ...one }, i) => {
      return { metric, admitted: one.admitted, repeated: one.repeated, ...count.totals(), reached: reached[i] ?? [] };
    }),
  };
}

function commit(count: UsageCount, { id, units, over, max, limit }: CommitInput): CommitOutcome {
  const known = count.find(id);
  if (known?.is === "committed") {
    const { recorded, late } = known;
    return { committed: true, repeated: true, recorded, late, ...count.totals(), reached: [] };
  }
  const isHeld = known?.is === "held";
  const reserved = known?.units ?? units;
  const recorded = recordedUnits(count.totals(), { units, reserved, isHeld, over, max });
  const outcome = { repeated: false, late: !isHeld };
  if (recorded === undefined) return { ...outcome, committed: false, recorded: 0, ...count.totals(), reached: [] };
  count.commit(id, { recorded, late: !isHeld });
  const reached = recorded > 0 ? reachThresholds(count, limit) : [];
  return { ...outcome, committed: true, recorded, ...count.totals(), reached };
}

function reachThresholds(count: UsageCount, limit: number): readonly number[] {
  const bits = newlyReached(count.reached, count.totals().used, thresholdUnits(limit));
  count.reached |= bits;
  return thresholdsOf(bits);
}
