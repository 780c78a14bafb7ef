import type { OnCollect } from "../collectors.js";
import { familyOf } from "../instruments/family-of.js";
import type { Family } from "../instruments/family.js";
import type { Registry } from "../instruments/registry.js";
import type { GaugeSeries, TenantCounterSeries } from "../instruments/series.js";

/** The part of a `Cache` of `@scale/cache` that is read. */
export interface WatchedCache {
  stats(): {
    readonly memory: {
      readonly bytes: number;
      readonly maxBytes: number;
      readonly entries: number;
      readonly evictions: Readonly<Record<string, number>>;
    };
    /** Counts since the start; missing in caches that have none. */
    readonly counts?: Readonly<Record<"memoryHits" | "storeHits" | "staleHits" | "loads", number>>;
  };
  health(): { readonly isMemoryServed: boolean };
}

/** The part of a router of `@scale/db-router` that is read. */
export interface WatchedRouter {
  health(): {
    readonly name: string;
    readonly nodes: readonly {
      readonly name: string;
      readonly role: string;
      readonly serves: string;
      readonly lagMs: number | undefined;
      readonly pool: { readonly total: number; readonly idle: number; readonly waiting: number };
    }[];
  };
}

/** Reads the depth of queues: `() => ({ emails: 3 })`. */
export type QueueDepths = () => Readonly<Record<string, number>> | Promise<Readonly<Record<string, number>>>;

export interface Watches {
  /** Gauges of the memory of a cache, and its reads by layer, for all tenants together. */
  cache(name: string, cache: WatchedCache): () => void;
  /** @param poolMax largest number of connections of each pool, for the share of them that is in use */
  router(router: WatchedRouter, poolMax?: number): () => void;
  queues(read: QueueDepths): () => void;
}

/** Gauges that are read at each exposition, and that are gone with what they were read from. */
export function createWatches(registry: Registry, onCollect: OnCollect): Watches {
  const gauge = (name: string) => familyOf<GaugeSeries>(registry, name);
  return {
    cache(cache, source) {
      const readReads = readsOf(familyOf<TenantCounterSeries>(registry, "scale_cache_reads_total"), cache);
      const end = onCollect(`cache ${cache}`, () => {
        readCache(gauge, cache, source);
        readReads(source);
      });
      return () => {
        end();
        for (const name of CACHE_GAUGES) gauge(name).remove((labels) => labels["cache"] === cache);
      };
    },
    router(source, poolMax) {
      const end = onCollect("router", () => readRouter(gauge, source, poolMax));
      return () => {
        end();
        removeNodes(gauge, source.health().name, new Set());
      };
    },
    queues(read) {
      let shown = new Set<string>();
      const show = (depths: Readonly<Record<string, number>>): void => {
        const now = new Set(Object.keys(depths));
        const gone = [...shown].filter((queue) => !now.has(queue));
        shown = now;
        const depth = gauge("scale_queue_depth");
        if (gone.length > 0) depth.remove(({ queue }) => gone.includes(queue ?? ""));
        for (const [queue, waiting] of Object.entries(depths)) depth.bind({ queue }).set(waiting);
      };
      const end = onCollect("queues", async () => show(await read()));
      return () => {
        end();
        show({});
      };
    },
  };
}

type Gauges = (name: string) => Family<GaugeSeries>;

const CACHE_GAUGES = [
  "scale_cache_memory_used_bytes",
  "scale_cache_memory_limit_bytes",
  "scale_cache_memory_entries",
  "scale_cache_memory_evictions",
  "scale_cache_bus_confirmed",
];
const NODE_GAUGES = [
  "scale_db_node_serving",
  "scale_db_node_lag_seconds",
  "scale_db_pool_connections",
  "scale_db_pool_usage_ratio",
];

function readCache(gauge: Gauges, cache: string, source: WatchedCache): void {
  const { memory } = source.stats();
  gauge("scale_cache_memory_used_bytes").bind({ cache }).set(memory.bytes);
  gauge("scale_cache_memory_limit_bytes").bind({ cache }).set(memory.maxBytes);
  gauge("scale_cache_memory_entries").bind({ cache }).set(memory.entries);
  for (const [cause, count] of Object.entries(memory.evictions))
    gauge("scale_cache_memory_evictions").bind({ cache, cause }).set(count);
  gauge("scale_cache_bus_confirmed")
    .bind({ cache })
    .set(source.health().isMemoryServed ? 1 : 0);
}

/** Adds the reads since the last look. A cache counts them anyway: an event for each read would make a hit slower. */
function readsOf(reads: Family<TenantCounterSeries>, name: string): (source: WatchedCache) => void {
  const seen = new Map<string, number>();
  const add = (layer: string, now: number): void => {
    reads.bind({ name, layer }).inc(undefined, Math.max(0, now - (seen.get(layer) ?? 0)));
    seen.set(layer, now);
  };
  return (source) => {
    const { counts } = source.stats();
    if (counts === undefined) return;
    add("memory", counts.memoryHits + counts.staleHits);
    add("store", counts.storeHits);
    add("load", counts.loads);
  };
}

function readRouter(gauge: Gauges, source: WatchedRouter, poolMax: number | undefined): void {
  const { name: router, nodes } = source.health();
  removeNodes(gauge, router, new Set(nodes.map(({ name, role }) => `${role} ${name}`)));
  for (const { name: node, role, serves, lagMs, pool } of nodes) {
    gauge("scale_db_node_serving")
      .bind({ router, node, role })
      .set(serves === "nothing" ? 0 : 1);
    const lag = gauge("scale_db_node_lag_seconds");
    if (lagMs === undefined) lag.remove((labels) => labels["router"] === router && labels["node"] === node);
    else lag.bind({ router, node }).set(lagMs / 1000);
    const connections = gauge("scale_db_pool_connections");
    connections.bind({ router, node, state: "in-use" }).set(pool.total - pool.idle);
    connections.bind({ router, node, state: "idle" }).set(pool.idle);
    connections.bind({ router, node, state: "waiting" }).set(pool.waiting);
    if (poolMax !== undefined)
      gauge("scale_db_pool_usage_ratio")
        .bind({ router, node })
        .set((pool.total - pool.idle) / poolMax);
  }
}

/** Nodes and their roles come and go: gauges of those that a router does not have any more are removed. */
function removeNodes(gauge: Gauges, router: string, kept: ReadonlySet<string>): void {
  const names = new Set([...kept].map((entry) => entry.slice(entry.indexOf(" ") + 1)));
  for (const name of NODE_GAUGES)
    gauge(name).remove((labels) => {
      if (labels["router"] !== router) return false;
      const { node = "", role } = labels;
      return role === undefined ? !names.has(node) : !kept.has(`${role} ${node}`);
    });
}
