import { ConfigError } from "@scale/core";
import { describeValue, parseOptions } from "@scale/core/kit";
import { DEFAULT_SMALLEST } from "../instruments/definition.js";
import { sketchRange } from "../sketch/rows.js";
import type { Metrics } from "../types.js";
import { type MetricsSourceOptions, type ParsedSourceOptions, sourceOptionsSchema } from "./options.js";
import { createSampler, type Sampler } from "./sampler.js";
import { tabsOf } from "./tab-data.js";
import type { DashboardData, Table, TenantDetails, Tile } from "./types.js";

/** A source for `createDashboard` of `@scale/dashboard`. Its functions may be called without it: spread it to replace one. */
export interface MetricsSource {
  /** The last minute of this process, and of those whose amounts are merged into it. */
  read(): Promise<DashboardData>;
  /** The page of one tenant; `undefined` for a tenant without series of its own. */
  tenant(tenantId: string): Promise<TenantDetails | undefined>;
  /** Tenants with series of their own whose ids contain a string, those that start with it first. */
  search(text: string): readonly string[];
  /** Ends the sampling. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Makes metrics the source of the live page. It samples them once a second, from now on, so that a page that is opened later
 * shows the last minute; recording costs nothing more for it.
 * @throws {ConfigError} with the name of the wrong option
 */
export function metricsSource(metrics: Metrics, options: MetricsSourceOptions = {}): MetricsSource {
  const parsed = parseOptions(sourceOptionsSchema, options, "metricsSource");
  if (typeof metrics?.reader !== "function")
    throw new ConfigError(`metricsSource: expected metrics of createMetrics, got ${describeValue(metrics)}`);
  const sampler = createSampler(metrics, sketchRange(DEFAULT_SMALLEST), parsed.clock);
  const readGauges = gaugesInBackground(sampler);
  return {
    async read() {
      const [present] = await Promise.all([sampler.sample(), readGauges()]);
      return dataOf(sampler, present, parsed);
    },
    async tenant(tenantId) {
      const present = await sampler.sample();
      return detailsOf(metrics, { sampler, present, tenantId }, parsed);
    },
    search: (text) => found(metrics.tenants.ids(), text),
    close: () => sampler.close(),
    [Symbol.dispose]: () => sampler.close(),
  };
}

/**
 * Reads the gauges while the page is read, and waits for the first time only: a server that does not answer must not hold up
 * every message of the page.
 */
function gaugesInBackground({ readGauges }: Sampler): () => Promise<void> {
  let running: Promise<void> | undefined;
  let hasRead = false;
  return async () => {
    running ??= readGauges().finally(() => {
      running = undefined;
      hasRead = true;
    });
    if (!hasRead) await running;
  };
}

function dataOf({ requests, counters, since }: Sampler, present: number, options: ParsedSourceOptions): DashboardData {
  return {
    requests: requests.total(present, since),
    seconds: requests.seconds(present),
    tenants: requests.tenants(present, options.tenants).map((tenant) => {
      const plan = options.planOf(tenant.tenantId);
      return plan === undefined ? tenant : { ...tenant, plan };
    }),
    tabs: tabsOf({ window: counters, present }),
  };
}

interface TenantReading {
  readonly sampler: Sampler;
  readonly present: number;
  readonly tenantId: string;
}

async function detailsOf(
  metrics: Metrics,
  { sampler, present, tenantId }: TenantReading,
  { planOf, tenantDetails }: ParsedSourceOptions,
): Promise<TenantDetails | undefined> {
  const counts = metrics.tenants.counts(tenantId);
  if (counts === undefined) return undefined;
  const { tiles = [], tables = [] } = await tenantDetails(tenantId);
  const plan = planOf(tenantId);
  const rows = counts.map(({ help, labels, value }) => [
    help,
    labels.map(([name, text]) => `${name} ${text}`).join(", "),
    Math.round(value * 100) / 100,
  ]);
  const table: Table = { caption: "Since the tenant has series of its own", columns: ["What", "Of", "Count"], rows };
  return {
    tenantId,
    ...(plan !== undefined && { plan }),
    tiles: [...tilesOf(sampler, present, tenantId), ...tiles],
    tables: [...tables, ...(rows.length > 0 ? [table] : [])],
  };
}

function tilesOf({ requests }: Sampler, present: number, tenantId: string): Tile[] {
  const found = requests.tenant(tenantId, present);
  if (found === undefined) return [{ label: "Requests, 60 s", value: 0 }];
  const { admitted, denied, failed, p50, p95, p99 } = found;
  const ms = (value: number | null): string | number => value ?? "–";
  return [
    { label: "Admitted, 60 s", value: admitted },
    { label: "Denied, 60 s", value: denied },
    { label: "Failed, 60 s", value: failed },
    { label: "p50, ms", value: ms(p50) },
    { label: "p95, ms", value: ms(p95) },
    { label: "p99, ms", value: ms(p99) },
  ];
}

const FOUND = 20;

function found(ids: readonly string[], text: string): readonly string[] {
  const wanted = text.toLowerCase();
  const matches = ids.filter((id) => id.toLowerCase().includes(wanted));
  const starts = (id: string): number => (id.toLowerCase().startsWith(wanted) ? 0 : 1);
  return matches.toSorted((a, b) => starts(a) - starts(b) || (a < b ? -1 : 1)).slice(0, FOUND);
}
