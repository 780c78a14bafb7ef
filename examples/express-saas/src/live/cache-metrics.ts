import type { Cache } from "@scale/cache";
import type { Clock, Plans } from "@scale/core";
import { type CacheEventCounts, countCacheEvents } from "./cache-event-counts.js";
import type { CacheTenantRow, LayerReads, LiveData } from "./live-data.js";
import { createCounter } from "./counters.js";

/** Metrics of the cache for the live page. */
export interface CacheMetrics {
  /** Call it with every response: samples the counters of the cache once a second. */
  sampleIfDue(): void;
  /** Records values that were loaded by warming. */
  readonly recordWarming: CacheEventCounts["recordWarming"];
  read(): LiveData["cache"];
  /** Unsubscribes. */
  stop(): void;
}

export interface CacheMetricsOptions {
  readonly cache: Pick<Cache, "tenant" | "stats" | "health">;
  readonly plans: Plans;
  /** Sampled tenants with their plans. Reads of other tenants are not in the sums. */
  readonly tenants: ReadonlyMap<string, { readonly plan: string }>;
  readonly clock: Clock;
}

const SHOWN_TENANTS = 10;
const LAYERS = ["memory", "redis", "loads"] as const;
const NOTHING: LayerReads = { memory: 0, redis: 0, loads: 0 };

export function createCacheMetrics({ cache, plans, tenants, clock }: CacheMetricsOptions): CacheMetrics {
  const eventCounts = countCacheEvents(clock);
  const layers = { memory: createCounter(clock), redis: createCounter(clock), loads: createCounter(clock) };
  const lastReads = new Map<string, LayerReads>();
  let sampledAt = -Infinity;

  /** Adds the reads of each tenant since the last sample. */
  function sample(): void {
    sampledAt = clock.monotonic();
    for (const tenantId of tenants.keys()) {
      const { memoryHits, storeHits, loads } = cache.tenant(tenantId).stats();
      const now: LayerReads = { memory: memoryHits, redis: storeHits, loads };
      const before = lastReads.get(tenantId) ?? NOTHING;
      // The counters of a tenant that the cache evicted start at 0 again.
      const base = LAYERS.some((layer) => now[layer] < before[layer]) ? NOTHING : before;
      for (const layer of LAYERS) layers[layer].add(now[layer] - base[layer]);
      lastReads.set(tenantId, now);
    }
  }

  return {
    sampleIfDue() {
      if (clock.monotonic() - sampledAt >= 1000) sample();
    },
    recordWarming: eventCounts.recordWarming,
    read() {
      sample();
      const { memory } = cache.stats();
      return {
        ...stateOf(cache),
        memory: memoryOf(memory),
        reads: { memory: layers.memory.read(), redis: layers.redis.read(), loads: layers.loads.read() },
        events: eventCounts.read(),
        tenants: tenantRows({ cache, seen: lastReads, tenants, plans, maxBytes: memory.maxBytes }),
      };
    },
    stop: () => eventCounts.stop(),
  };
}

type Stats = ReturnType<Cache["stats"]>["memory"];

function stateOf(cache: CacheMetricsOptions["cache"]): Pick<LiveData["cache"], keyof ReturnType<Cache["health"]>> {
  // JSON has no undefined.
  const { confirmedAgeMs = null, ...rest } = cache.health();
  return { ...rest, confirmedAgeMs };
}

function memoryOf({ bytes, maxBytes, entries, tenants, evictions }: Stats): LiveData["cache"]["memory"] {
  const { cold, budget, share } = evictions;
  return { bytes, maxBytes, entries, tenants, evicted: { cold, budget, share } };
}

interface TenantRows extends Omit<CacheMetricsOptions, "clock"> {
  readonly seen: ReadonlyMap<string, LayerReads>;
  readonly maxBytes: number;
}

/** Returns the tenants with the most reads since the start. */
function tenantRows({ cache, seen, tenants, plans, maxBytes }: TenantRows): CacheTenantRow[] {
  const rows = [...tenants].map(([tenantId, { plan }]) => {
    return { tenantId, plan, ...(seen.get(tenantId) ?? NOTHING), weight: plans.find(plan)?.cache?.weight ?? 1 };
  });
  const weights = rows.reduce((sum, { weight }) => sum + weight, 0);
  const reads = ({ memory, redis, loads }: LayerReads): number => memory + redis + loads;
  return rows
    .sort((a, b) => reads(b) - reads(a))
    .slice(0, SHOWN_TENANTS)
    .map(({ weight, ...row }) => ({
      ...row,
      bytes: cache.tenant(row.tenantId).usage()?.bytes ?? 0,
      shareBytes: Math.floor((maxBytes * weight) / weights),
    }));
}
