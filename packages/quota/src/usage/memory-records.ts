import type { Clock } from "@scale/core";
import type { Period } from "../types.js";

/** State of one metric of an id. `units` are the reserved or used ones. */
export interface MetricState {
  readonly is: "held" | "released" | "committed" | "used";
  readonly units: number;
  readonly period: Period;
  readonly recorded: number;
  readonly late: boolean;
}

/** State of an id. */
export interface IdRecord {
  /** Result of `parametersOf`; undefined for an id that was committed without a reservation. */
  parameters: string | undefined;
  /** Calls that were told about the units of the id. */
  readonly calls: Set<string>;
  /** Calls that were cancelled: they do nothing when they are carried out later. */
  readonly cancelled: Set<string>;
  readonly metrics: Map<string, MetricState>;
}

/**
 * Records by name, each for `keepMs` after its last change.
 * @returns `keep` finds or creates a record, and keeps it for `forMs` longer than `keepMs`
 */
export function createIdRecords(
  clock: Clock,
  keepMs: number,
): { find(name: string): IdRecord | undefined; keep(name: string, forMs?: number): IdRecord } {
  const records = new Map<string, { readonly record: IdRecord; readonly keepUntil: number }>();

  function find(name: string): { readonly record: IdRecord; readonly keepUntil: number } | undefined {
    const found = records.get(name);
    return found === undefined || found.keepUntil <= clock.now() ? undefined : found;
  }

  return {
    find: (name) => find(name)?.record,
    keep(name, forMs = 0) {
      const now = clock.now();
      const { record = emptyRecord(), keepUntil: before = 0 } = find(name) ?? {};
      records.delete(name);
      records.set(name, { record, keepUntil: Math.max(before, now + forMs + keepMs) });
      // The map is nearly in the order of `keepUntil`; a long hold keeps the ids after it a little longer.
      for (const [oldest, { keepUntil }] of records) {
        if (keepUntil > now) break;
        records.delete(oldest);
      }
      return record;
    },
  };
}

const emptyRecord = (): IdRecord => ({
  parameters: undefined,
  calls: new Set(),
  cancelled: new Set(),
  metrics: new Map(),
});
