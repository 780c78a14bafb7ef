import { type Counts, quantileOf, risingQuantilesOf } from "../sketch/quantile.js";
import { CELLS, type SketchRange, valueOfCell } from "../sketch/rows.js";
import { FadingSketch } from "./fading-sketch.js";
import { SECONDS, SecondsRing } from "./seconds-ring.js";
import type { Settled } from "./tallies.js";
import type { Latency, RequestCounts, SecondCounts, TenantCounts } from "./types.js";

// Columns of the rings.
const ADMITTED = 0;
const DENIED = 1;
const FAILED = 2;
const SLOW = 3;
const SLOW_SECONDS = 0.5;
/** Seconds over which requests per second are an average. */
const RATE_SECONDS = 10;
/** Tenants in trouble that are shown besides the busiest ones, and the requests that they need for it. */
const TROUBLED = 10;
const MIN_REQUESTS = 10;

interface TenantWindow {
  readonly counts: SecondsRing;
  readonly times: FadingSketch;
}

/** Requests of the last minute: of all tenants by second, and of each tenant. */
export class RequestWindow {
  readonly #range: SketchRange;
  readonly #counts = new SecondsRing(3);
  readonly #times = new SecondsRing(CELLS);
  readonly #tenants = new Map<string, TenantWindow>();

  /** @param range of the sketches of the response times */
  constructor(range: SketchRange) {
    this.#range = range;
  }

  add(second: number, { tenant, admitted, denied, failed, cells }: Settled): void {
    addCounts(this.#counts, second, { admitted, denied, failed });
    for (const counts of cells) for (const [cell, count] of counts) this.#times.add(second, cell, count);
    if (typeof tenant === "string") return;
    const own = this.#tenants.get(tenant.tenantId) ?? { counts: new SecondsRing(4), times: new FadingSketch() };
    this.#tenants.set(tenant.tenantId, own);
    addCounts(own.counts, second, { admitted, denied, failed });
    for (const counts of cells) {
      own.times.add(second, counts);
      own.counts.add(second, SLOW, this.#slowOf(counts));
    }
  }

  /** The last 60 whole seconds, oldest first. */
  seconds(present: number): SecondCounts[] {
    return Array.from({ length: SECONDS }, (_, i) => {
      const second = present - SECONDS + i;
      return {
        ...countsOf((column) => this.#counts.at(second, column)),
        ...this.#latency((cell) => this.#times.at(second, cell)),
      };
    });
  }

  /** All of these seconds together. @param since first second that there is */
  total(present: number, since: number): RequestCounts & Latency & { readonly perSecond: number } {
    const seconds = Math.max(1, Math.min(RATE_SECONDS, present - since));
    let recent = 0;
    for (let second = present - seconds; second < present; second++)
      for (const column of [ADMITTED, DENIED, FAILED]) recent += this.#counts.at(second, column);
    return {
      perSecond: recent / seconds,
      ...countsOf((column) => this.#counts.sum(present, column)),
      ...this.#latency((cell) => this.#times.sum(present, cell)),
    };
  }

  /** The busiest tenants, and some that are refused, fail or are slow. */
  tenants(present: number, max: number): TenantCounts[] {
    const all = [...this.#tenants].map(([tenantId, window]) => this.#summed(tenantId, window, present));
    const byRequests = all.toSorted((a, b) => b.requests - a.requests);
    const troubled = byRequests
      .slice(max)
      .filter(({ requests, trouble }) => requests >= MIN_REQUESTS && trouble > 0)
      .toSorted((a, b) => b.trouble - a.trouble);
    return [...byRequests.slice(0, max), ...troubled.slice(0, TROUBLED)]
      .filter(({ requests }) => requests > 0)
      .map(({ tenantId, window }) => ({ tenantId, ...this.#countsOf(window, present) }));
  }

  /** Counts and percentiles of one tenant; `undefined` without requests in the last minute. */
  tenant(tenantId: string, present: number): (RequestCounts & Latency) | undefined {
    const window = this.#tenants.get(tenantId);
    if (window === undefined) return undefined;
    return { ...this.#countsOf(window, present), ...latencyOf(window.times.countsAt(present), this.#range) };
  }

  /** Forgets tenants without a request in the last minute. */
  forgetIdle(present: number): void {
    for (const [tenantId, { counts }] of this.#tenants)
      if (counts.last < present - SECONDS) this.#tenants.delete(tenantId);
  }

  #summed(tenantId: string, window: TenantWindow, present: number) {
    const { admitted, denied, failed } = countsOf((column) => window.counts.sum(present, column));
    const requests = admitted + denied + failed;
    const trouble = requests === 0 ? 0 : (denied + failed + window.counts.sum(present, SLOW)) / requests;
    return { tenantId, window, requests, trouble };
  }

  #countsOf({ counts, times }: TenantWindow, present: number): RequestCounts & { readonly p99: number | null } {
    const p99 = msOf(quantileOf(times.countsAt(present), 0.99, this.#range));
    return { ...countsOf((column) => counts.sum(present, column)), p99 };
  }

  #slowOf(counts: readonly (readonly [cell: number, count: number])[]): number {
    return counts.reduce(
      (sum, [cell, count]) => (valueOfCell(cell, this.#range) >= SLOW_SECONDS ? sum + count : sum),
      0,
    );
  }

  #latency(countOf: (cell: number) => number): Latency {
    const cells = new Float64Array(CELLS);
    for (let cell = 0; cell < CELLS; cell++) cells[cell] = countOf(cell);
    return latencyOf(cells, this.#range);
  }
}

function latencyOf(counts: Counts, range: SketchRange): Latency {
  const [p50, p95, p99] = risingQuantilesOf(counts, PERCENTILES, range);
  return { p50: msOf(p50), p95: msOf(p95), p99: msOf(p99) };
}

const PERCENTILES = [0.5, 0.95, 0.99];
const msOf = (seconds: number | undefined): number | null =>
  seconds === undefined ? null : Math.round(seconds * 10_000) / 10;

const countsOf = (of: (column: number) => number): RequestCounts => ({
  admitted: of(ADMITTED),
  denied: of(DENIED),
  failed: of(FAILED),
});

function addCounts(ring: SecondsRing, second: number, { admitted, denied, failed }: RequestCounts): void {
  ring.add(second, ADMITTED, admitted);
  ring.add(second, DENIED, denied);
  ring.add(second, FAILED, failed);
}
