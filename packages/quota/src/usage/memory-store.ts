import { type Clock, systemClock } from "@scale/core";
import type { Reconciled } from "../types.js";
import { checkCommit, checkConsume, checkCredit, checkReserve } from "./check-input.js";
import { apply, type Memory, reachThresholds, recordsOf } from "./memory-apply.js";
import { createCounts, type UsageCount } from "./memory-count.js";
import { createIdRecords } from "./memory-records.js";
import { recordedUnits } from "./rules.js";
import {
  type CancelInput,
  type CommitInput,
  type CommitOutcome,
  type CreditInput,
  type CreditOutcome,
  type ReleaseInput,
  type UsageStore,
  KEEP_CALL_MS,
  KEEP_OUTCOME_MS,
} from "./store.js";

/** Counts usage in this process, until it ends: for tests, and for programs of one process. */
export function memoryUsage({ clock = systemClock }: { readonly clock?: Clock } = {}): UsageStore {
  const memory: Memory = {
    clock,
    countOf: createCounts(clock),
    ids: createIdRecords(clock, KEEP_OUTCOME_MS),
    calls: createIdRecords(clock, KEEP_CALL_MS),
  };
  const { countOf } = memory;
  return {
    async reserve(input) {
      checkReserve(input);
      return apply(memory, input, input.ttlMs);
    },
    async consume(input) {
      checkConsume(input);
      return apply(memory, input, undefined);
    },
    async commit(input) {
      checkCommit(input);
      return commit(memory, input);
    },
    release: async (input) => release(memory, input),
    cancel: async (input) => cancel(memory, input),
    async credit(input) {
      checkCredit(input);
      return credit(countOf(input), input);
    },
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

function commit(memory: Memory, input: CommitInput): CommitOutcome {
  const { id, metric, period, units, over, max } = input;
  const count = memory.countOf(input);
  const records = recordsOf(memory, input);
  const known = records?.find()?.metrics.get(metric);
  if (known?.is === "committed" || known?.is === "used") {
    const { recorded, late } = known;
    return { committed: true, repeated: true, recorded, late, ...count.totals(), reached: [] };
  }
  const isHeld = known?.is === "held" && known.period.key === period.key && count.holds(id);
  const reserved = known?.units ?? units;
  const late = !isHeld;
  const recorded = recordedUnits(count.totals(), { units, reserved, isHeld, over, max });
  if (recorded === undefined)
    return { committed: false, repeated: false, recorded: 0, late, ...count.totals(), reached: [] };
  count.use(recorded, isHeld ? id : undefined);
  records?.keep().metrics.set(metric, { is: "committed", units: reserved, period, recorded, late });
  const reached = recorded > 0 ? reachThresholds(count, input) : [];
  return { committed: true, repeated: false, recorded, late, ...count.totals(), reached };
}

function release(memory: Memory, input: ReleaseInput): void {
  const { id, call, metric, period } = input;
  const records = recordsOf(memory, input);
  const record = records?.find();
  const state = record?.metrics.get(metric);
  const count = memory.countOf(input);
  if (state?.is !== "held" || state.period.key !== period.key || !count.holds(id)) return;
  if (call !== undefined && record?.calls.has(call) !== true) return;
  count.drop(id);
  records?.keep().metrics.set(metric, { ...state, is: "released" });
}

function cancel(memory: Memory, input: CancelInput): void {
  const { tenantId, id, call, changes } = input;
  const { countOf } = memory;
  const record = recordsOf(memory, input)?.keep();
  record?.cancelled.add(call);
  // Units that another call was told about are that call's.
  if (record === undefined || !record.calls.delete(call) || record.calls.size > 0) return;
  for (const { metric, period } of changes) {
    const state = record.metrics.get(metric);
    if (state?.period.key !== period.key || state.is === "committed") continue;
    if (state.is === "held") countOf({ tenantId, metric, period }).drop(id ?? "");
    if (state.is === "used") countOf({ tenantId, metric, period }).use(-state.units);
    record.metrics.delete(metric);
  }
}

function credit(count: UsageCount, { id, units }: CreditInput): CreditOutcome {
  const before = count.credit(id, units);
  return { units: before ?? units, repeated: before !== undefined, used: count.totals().used };
}
