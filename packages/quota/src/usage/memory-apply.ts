import { type Clock, StoreError } from "@scale/core";
import { joinKey } from "@scale/core/kit";
import { newlyReached } from "../plan/thresholds.js";
import { conflictOf, parametersOf } from "./idempotency.js";
import type { UsageCount } from "./memory-count.js";
import type { createIdRecords, IdRecord, MetricState } from "./memory-records.js";
import { hasRoom } from "./rules.js";
import type { ChangesOutcome, ConsumeInput, UsageAddress, UsageChange } from "./store.js";

export interface Memory {
  readonly clock: Clock;
  readonly countOf: (address: UsageAddress) => UsageCount;
  readonly ids: ReturnType<typeof createIdRecords>;
  /** Records of calls without an id. */
  readonly calls: ReturnType<typeof createIdRecords>;
}

/** The records that know a call, and its name there; `undefined` for a call that has neither an id nor a name. */
export function recordsOf(
  { ids, calls }: Memory,
  { tenantId, id, call }: Pick<ConsumeInput, "tenantId" | "id" | "call">,
): { readonly find: () => IdRecord | undefined; readonly keep: (forMs?: number) => IdRecord } | undefined {
  const [records, last] = id === undefined ? [calls, call] : [ids, id];
  if (last === undefined) return undefined;
  const name = joinKey([tenantId, last]);
  return { find: () => records.find(name), keep: (forMs) => records.keep(name, forMs) };
}

/** Holds units for `ttlMs`, or uses them at once without it: of all changes or of none. */
export function apply(memory: Memory, input: ConsumeInput, ttlMs: number | undefined): ChangesOutcome {
  const { tenantId, changes, id = "", call = "" } = input;
  const records = recordsOf(memory, input);
  const parameters = parametersOf(ttlMs === undefined ? "consume" : "reserve", changes);
  const record = checkRecord(memory, input, { record: records?.find(), parameters });
  const decisions = changes.map((change) => {
    const count = memory.countOf({ ...change, tenantId });
    const state = record?.metrics.get(change.metric);
    const known = state !== undefined && isActive(memory, input, [change.metric, state]) ? state : undefined;
    return { change, count, known, admitted: known !== undefined || hasRoom(count.totals(), change.units, change.max) };
  });
  const admitted = decisions.every((one) => one.admitted);
  const fresh = admitted ? decisions.filter(({ known }) => known === undefined) : [];
  if (admitted && records !== undefined) {
    const kept = records.keep(ttlMs);
    if (fresh.length === changes.length) kept.calls.clear();
    keepRecord(kept, { parameters, call, fresh: fresh.map(({ change }) => change), ttlMs });
  }
  const reached = new Map<unknown, readonly number[]>();
  for (const { change, count } of fresh) {
    if (ttlMs !== undefined) count.hold(id, change.units, memory.clock.now() + ttlMs);
    else {
      count.use(change.units);
      reached.set(change, reachThresholds(count, change));
    }
  }
  return {
    admitted,
    changes: decisions.map(({ change, count, known, ...one }) => ({
      ...{ metric: change.metric, period: known?.period ?? change.period, admitted: one.admitted },
      ...{ repeated: known !== undefined, ...count.totals(), reached: reached.get(change) ?? [] },
    })),
  };
}

/** @throws {IdempotencyError} for an id that stands for other work */
function checkRecord(
  memory: Memory,
  input: ConsumeInput,
  { record, parameters }: { readonly record: IdRecord | undefined; readonly parameters: string },
): IdRecord | undefined {
  if (record === undefined) return undefined;
  if (record.cancelled.has(input.call ?? "")) throw new StoreError("the call was cancelled before it was carried out");
  const { parameters: first = parameters } = record;
  const isOther = first !== parameters && [...record.metrics].some((state) => isActive(memory, input, state));
  if (isOther) throw conflictOf(input.id ?? "", first, parameters);
  return record;
}

function isActive(
  { countOf }: Memory,
  { tenantId, id = "" }: Pick<ConsumeInput, "tenantId" | "id">,
  [metric, { is, period }]: readonly [string, MetricState],
): boolean {
  return is === "held" ? countOf({ tenantId, metric, period }).holds(id) : is !== "released";
}

function keepRecord(
  record: IdRecord,
  {
    parameters,
    call,
    fresh,
    ttlMs,
  }: {
    readonly parameters: string;
    readonly call: string;
    readonly fresh: readonly UsageChange[];
    readonly ttlMs: number | undefined;
  },
): void {
  // An id with other parameters held nothing any more, and is another's now.
  if (record.parameters !== undefined && record.parameters !== parameters) record.metrics.clear();
  record.parameters = parameters;
  record.calls.add(call);
  const is = ttlMs === undefined ? "used" : "held";
  for (const { metric, units, period } of fresh) {
    record.metrics.set(metric, { is, units, period, recorded: units, late: false });
  }
}

export function reachThresholds(count: UsageCount, change: UsageChange): readonly number[] {
  const reached = newlyReached(count.reached, count.totals().used, change);
  count.reached = Math.max(count.reached, ...reached);
  return reached;
}
