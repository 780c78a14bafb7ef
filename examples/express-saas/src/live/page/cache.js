// The cache section of the page.
import { percent, setRows, setText, tenths, whole } from "./dom.js";

/** @import { CacheEvent, LiveData } from "../live-data.js" */

const MIB = 1024 * 1024;

/** @type {Record<CacheEvent, string>} */
const EVENTS = {
  warm: "values warmed",
  "stale-serve": "stale values served",
  "fill-refuse": "outdated loads discarded",
  "invalidation-queue": "invalidations queued",
  "memory-drop": "memory dropped after a gap",
  "store-fail": "no answer from Redis",
  "load-fail": "failed loads",
};

/** @param {LiveData} data */
export function showCache({ cache, limitStore }) {
  showTiles(cache, limitStore.is === "redis");
  const { memory, redis, loads } = cache.reads;
  const all = memory.last + redis.last + loads.last;
  const layers = /** @type {const} */ ([
    ["memory", memory],
    ["Redis", redis],
    ["Postgres", loads],
  ]);
  setRows(
    "cache-reads",
    layers.map(([name, { last, total }]) => [name, percent(last, all), whole.format(last), whole.format(total)]),
  );
  setRows(
    "cache-events",
    cache.events.map(({ event, count }) => [EVENTS[event], whole.format(count.last), whole.format(count.total)]),
  );
  showTenants(cache.tenants);
}

/**
 * @param {LiveData["cache"]} cache
 * @param {boolean} isShared
 */
function showTiles({ reads, isMemoryServed, confirmedAgeMs, queuedInvalidations, memory }, isShared) {
  const { memory: own, redis, loads } = reads;
  setText("cache-hits", percent(own.last + redis.last, own.last + redis.last + loads.last));
  setText(
    "cache-hits-total",
    `${percent(own.total + redis.total, own.total + redis.total + loads.total)} since the start`,
  );
  setText("cache-proven", confirmedAgeMs === null ? "–" : `${tenths.format(confirmedAgeMs / 1000)}\u00a0s ago`);
  setText("cache-served", servedText(isMemoryServed, isShared));
  setText("cache-queued", whole.format(queuedInvalidations));
  setText("cache-queue", isShared ? "for Redis" : "no Redis");
  setText("cache-bytes", `${tenths.format(memory.bytes / MIB)} of ${tenths.format(memory.maxBytes / MIB)}`);
  setText("cache-entries", `${whole.format(memory.entries)} entries of ${whole.format(memory.tenants)} tenants`);
  const { cold, budget, share } = memory.evicted;
  setText(
    "cache-evicted",
    `Evicted: ${whole.format(budget)} over the plan's cap, ${whole.format(share)} over the tenant's share, ` +
      `${whole.format(cold)} cold.`,
  );
}

/**
 * @param {boolean} isMemoryServed
 * @param {boolean} isShared
 */
function servedText(isMemoryServed, isShared) {
  if (!isShared) return "no other process";
  return isMemoryServed ? "memory is served" : "memory is not served";
}

/** @param {LiveData["cache"]["tenants"]} tenants */
function showTenants(tenants) {
  setRows(
    "cache-tenants",
    tenants.map(({ tenantId, plan, memory, redis, loads, bytes, shareBytes }) => {
      const all = memory + redis + loads;
      return [
        tenantId,
        plan,
        whole.format(all),
        percent(memory, all),
        percent(redis, all),
        percent(loads, all),
        `${whole.format(bytes / 1024)} / ${whole.format(shareBytes / 1024)}`,
      ];
    }),
  );
}
