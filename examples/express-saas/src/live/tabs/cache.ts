import type { TabData, Table } from "@scale/dashboard";
import type { CacheTenantRow, LayerReads, LiveData } from "../live-data.js";

const EVENTS: Readonly<Record<LiveData["cache"]["events"][number]["event"], string>> = {
  warm: "values loaded ahead",
  "stale-serve": "stale values served",
  "fill-refuse": "loads that an invalidation overtook",
  "invalidation-queue": "invalidations queued while Redis is down",
  "memory-drop": "memory dropped, as invalidations may have been missed",
  "store-fail": "calls that Redis did not answer",
  "load-fail": "loads that failed",
};

/** Reads by layer, shares of the tenants, and whether memory may be served. */
export function cacheTab({ cache }: LiveData): TabData {
  const { memory, reads, isMemoryServed, confirmedAgeMs, queuedInvalidations } = cache;
  const of = { memory: reads.memory.last, redis: reads.redis.last, loads: reads.loads.last };
  return {
    tiles: [
      { label: "Read without Postgres, 60 s", value: percent(of.memory + of.redis, sum(of)), note: `${sum(of)} reads` },
      {
        label: "Invalidation feed verified",
        value: confirmedAgeMs === null ? "–" : `${(confirmedAgeMs / 1000).toFixed(1)} s ago`,
        note: isMemoryServed ? "memory is served" : "memory is not served",
      },
      { label: "Queued invalidations", value: queuedInvalidations },
      {
        label: "In memory",
        value: `${mebibytes(memory.bytes)} of ${mebibytes(memory.maxBytes)} MiB`,
        note: `${memory.entries} entries of ${memory.tenants} tenants`,
      },
    ],
    tables: [tenantsTable(cache.tenants), layersTable(reads), eventsTable(cache.events)],
  };
}

const sum = ({ memory, redis, loads }: LayerReads): number => memory + redis + loads;
const percent = (part: number, all: number): string => (all === 0 ? "–" : `${Math.round((100 * part) / all)} %`);
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

const tenantsTable = (tenants: readonly CacheTenantRow[]): Table => ({
  caption: "The ten tenants with the most reads since the start",
  columns: ["Tenant", "Plan", "Reads", "Memory", "Redis", "Postgres", "Used / share, KiB"],
  rows: tenants.map((row) => [
    ...[row.tenantId, row.plan],
    sum(row),
    ...[row.memory, row.redis, row.loads].map((part) => percent(part, sum(row))),
    `${Math.round(row.bytes / 1024)} / ${Math.round(row.shareBytes / 1024)}`,
  ]),
});

const layersTable = (reads: LiveData["cache"]["reads"]): Table => ({
  caption: "Reads by layer",
  columns: ["Layer", "Last 60 s", "In total"],
  rows: [
    ["memory", reads.memory.last, reads.memory.total],
    ["Redis", reads.redis.last, reads.redis.total],
    ["Postgres", reads.loads.last, reads.loads.total],
  ],
});

const eventsTable = (events: LiveData["cache"]["events"]): Table => ({
  caption: "Cache events",
  columns: ["Event", "Last 60 s", "In total"],
  rows: events.map(({ event, count }) => [EVENTS[event], count.last, count.total]),
});
