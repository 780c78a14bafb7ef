import type { Registry } from "../instruments/registry.js";
import type { RequestRecorder } from "../record/requests.js";
import { type Counts, risingQuantilesOf } from "../sketch/quantile.js";
import { CELLS, type SketchRange } from "../sketch/rows.js";
import { MOVED, OTHER } from "../tenants/tenant-slots.js";
import type { Percentiles, RecentTenant, TenantSummary, TrafficSummary } from "./types.js";

/** Reads the requests of this process: of each tenant, of the others, and of all together. */
export class SummaryReader {
  readonly #registry: Registry;
  readonly #requests: RequestRecorder;
  // Filled anew for each summary: two arrays for each of many tenants would be work for the garbage collector.
  readonly #totals = new Float64Array(CELLS);
  readonly #recents = new Float64Array(CELLS);

  constructor(registry: Registry, requests: RequestRecorder) {
    this.#registry = registry;
    this.#requests = requests;
  }

  /** Tenants with series of their own, the one with the most recent requests first. */
  tenants(): TenantSummary[] {
    this.#registry.slots.turnWhenDue();
    return this.#registry.slots
      .tenants()
      .map(({ tenantId, slot }) => ({ tenantId, ...this.#of([slot]) }))
      .toSorted((a, b) => b.recent.requests - a.recent.requests);
  }

  /** One tenant; `undefined` for one without series of its own. */
  tenant(tenantId: string): TenantSummary | undefined {
    this.#registry.slots.turnWhenDue();
    const slot = this.#registry.slots.find(tenantId);
    return slot === undefined ? undefined : { tenantId, ...this.#of([slot]) };
  }

  /** Recent requests of the tenants with at least some of them, one after another. */
  *recent(minRequests: number): Generator<RecentTenant> {
    this.#registry.slots.turnWhenDue();
    const { durations, recent } = this.#requests;
    for (const { tenantId, slot } of this.#registry.slots.tenants()) {
      const { requests, errors } = recent.of(slot);
      const row = requests < minRequests ? undefined : durations.sketches.find(slot);
      if (row === undefined) continue;
      const { p95Ms } = percentilesOf(this.#registry.rows.recent(row), durations.range);
      yield { tenantId, recent: { requests: Math.round(requests), errorRatio: errors / requests, p95Ms } };
    }
  }

  other(): TrafficSummary {
    return this.#of([OTHER, MOVED]);
  }

  total(): TrafficSummary {
    return this.#of(Array.from({ length: this.#registry.slots.length }, (_, slot) => slot));
  }

  #of(slots: readonly number[]): TrafficSummary {
    const { durations, byOutcome, slow, recent } = this.#requests;
    const { rows } = this.#registry;
    const totals = this.#totals.fill(0);
    const recents = this.#recents.fill(0);
    const sum = (read: (slot: number) => number): number => slots.reduce((total, slot) => total + read(slot), 0);
    for (const slot of slots) {
      const row = durations.sketches.find(slot);
      if (row === undefined) continue;
      rows.totals(row, totals);
      // Counts that moved were of other times.
      if (slot !== MOVED) rows.recent(row, recents);
    }
    const requests = sum((slot) => recent.of(slot).requests);
    const errors = sum((slot) => recent.of(slot).errors);
    return {
      requests: [...byOutcome.values()].reduce((total, { cells }) => total + sum((slot) => cells.get(slot)), 0),
      errors: sum((slot) => byOutcome.get("server-error")?.cells.get(slot) ?? 0),
      slow: sum((slot) => slow.cells.get(slot)),
      ...percentilesOf(totals, durations.range),
      recent: {
        ...{ requests: Math.round(requests), errors: Math.round(errors) },
        errorRatio: requests > 0 ? errors / requests : undefined,
        ...percentilesOf(recents, durations.range),
      },
    };
  }
}

/** Percentiles of a sketch in seconds. */
export function percentilesOf(counts: Counts, range: SketchRange): Percentiles {
  const [p50, p95, p99] = risingQuantilesOf(counts, PERCENTILES, range);
  return { p50Ms: msOf(p50), p95Ms: msOf(p95), p99Ms: msOf(p99) };
}

const PERCENTILES = [0.5, 0.95, 0.99];
const msOf = (seconds: number | undefined): number | undefined => (seconds === undefined ? undefined : seconds * 1000);
