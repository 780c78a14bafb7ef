import { familyOf } from "../instruments/family-of.js";
import type { Registry } from "../instruments/registry.js";
import type { CounterSeries, HistogramSeries, TenantCounterSeries } from "../instruments/series.js";

/** Records what no `@scale` package publishes. Recording never throws: a wrong number is refused, and counted as such. */
export interface Recorders {
  /** Records a call of a model. */
  ai(call: AiCall): void;
  /** Records a query of the application. */
  query(query: QueryRecord): void;
  /** Records an error of the application. */
  error(error: ErrorRecord): void;
  /** Records a read of a cache, for its hit ratio. */
  cacheRead(read: CacheRead): void;
}

export interface CacheRead {
  readonly tenantId?: string | undefined;
  /** Name of the definition: each name is a series. */
  readonly name: string;
  /** Layer that had the value; `load` for a value that was loaded. */
  readonly layer: "memory" | "store" | "load";
}

export interface AiCall {
  readonly tenantId?: string | undefined;
  readonly model: string;
  readonly durationMs: number;
  readonly success: boolean;
  /** Cost in dollars. @default 0 */
  readonly costDollars?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

export interface QueryRecord {
  readonly tenantId?: string | undefined;
  /** Name of the query, never its text: each name is a series. */
  readonly name: string;
  readonly durationMs: number;
  /** @default true */
  readonly success?: boolean;
}

export interface ErrorRecord {
  readonly tenantId?: string | undefined;
  readonly severity: "low" | "medium" | "high" | "critical";
  /** Kind of error, such as its code: each kind is a series. */
  readonly kind: string;
}

const SLOW_MS = 1000;

export function createRecorders(registry: Registry): Recorders {
  const tenantCounter = (name: string) => familyOf<TenantCounterSeries>(registry, name);
  const histogram = (name: string) => familyOf<HistogramSeries>(registry, name);
  const calls = tenantCounter("scale_ai_requests_total");
  const durations = histogram("scale_ai_request_duration_seconds");
  const costs = tenantCounter("scale_ai_cost_dollars_total");
  const tokens = tenantCounter("scale_ai_tokens_total");
  const queries = histogram("scale_query_duration_seconds");
  const failures = familyOf<CounterSeries>(registry, "scale_query_failures_total");
  const slowQueries = tenantCounter("scale_slow_queries_total");
  const errors = tenantCounter("scale_errors_total");
  const reads = tenantCounter("scale_cache_reads_total");
  return {
    ai({ tenantId, model, durationMs, success, costDollars = 0, inputTokens = 0, outputTokens = 0 }) {
      const labels = { model: textOf(model) };
      // One event of the tenant, in one slot: calls, costs and tokens never part.
      const slot = registry.slots.slotFor(tenantId);
      calls.bind({ ...labels, outcome: success ? "success" : "failure" }).incSlot(slot, 1);
      durations.bind(labels).observe(durationMs / 1000);
      costs.bind(labels).incSlot(slot, costDollars);
      tokens.bind({ ...labels, direction: "input" }).incSlot(slot, inputTokens);
      tokens.bind({ ...labels, direction: "output" }).incSlot(slot, outputTokens);
    },
    query({ tenantId, name: given, durationMs, success = true }) {
      const name = textOf(given);
      queries.bind({ name }).observe(durationMs / 1000);
      if (!success) failures.bind({ name }).inc();
      if (durationMs > SLOW_MS) slowQueries.bind({ name }).inc(tenantId);
    },
    cacheRead({ tenantId, name, layer }) {
      reads.bind({ name: textOf(name), layer: textOf(layer) }).inc(tenantId);
    },
    error({ tenantId, severity, kind }) {
      errors.bind({ severity: textOf(severity), kind: textOf(kind) }).inc(tenantId);
    },
  };
}

/** A label of untyped code, such as the code of an error that has none. A recording never throws. */
const textOf = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : "";
