import type { TabName } from "./types.js";

/** Tile of the events of the last minute, with those since the start as a note. */
export interface CountTile {
  readonly label: string;
  readonly metric: string;
}

/** Tile of the share of a counter's events that have a label, or have it not. */
export interface ShareTile extends CountTile {
  readonly label: string;
  readonly with: Readonly<Record<string, string>>;
  readonly isRest?: boolean;
  /** Noun of the counted events. */
  readonly of: string;
}

/** Labels of series and the titles of their columns. */
type LabelColumns = Readonly<Record<string, string>>;

/** Table of the series of a counter. */
export interface CounterTable {
  readonly caption: string;
  readonly metric: string;
  readonly labels: LabelColumns;
}

/** Table of gauges that share their labels, a column each. */
export interface GaugeTable {
  readonly caption: string;
  readonly labels: LabelColumns;
  readonly gauges: readonly {
    readonly title: string;
    readonly metric: string;
    /** Further labels of the series. */
    readonly with?: Readonly<Record<string, string>>;
    readonly as?: "yes-no" | "MiB" | "ms";
  }[];
}

export interface TabDefinition {
  readonly tiles: readonly (CountTile | ShareTile)[];
  readonly tables: readonly (CounterTable | GaugeTable)[];
}

const connections = (title: string, state: string) => ({ title, metric: "scale_db_pool_connections", with: { state } });

/** Tiles and tables of the tabs, by metrics of the catalogue. */
export const tabs: Readonly<Record<TabName, TabDefinition>> = {
  limits: {
    tiles: [
      { label: "Decisions of limiters, 60 s", metric: "scale_rate_limit_decisions_total" },
      { label: "Denied", metric: "scale_rate_limit_decisions_total", with: { outcome: "denied" }, of: "decisions" },
      { label: "Refused by quotas, 60 s", metric: "scale_quota_refusals_total" },
      { label: "Store failures, 60 s", metric: "scale_rate_limit_store_failures_total" },
    ],
    tables: [
      {
        ...{ caption: "Decisions by limiter", metric: "scale_rate_limit_decisions_total" },
        labels: { limiter: "Limiter", outcome: "Outcome", decided_by: "Decided by" },
      },
      { caption: "Uses that quotas refused", metric: "scale_quota_refusals_total", labels: { metric: "Metric" } },
      { caption: "Units above the plan", metric: "scale_quota_overage_units_total", labels: { metric: "Metric" } },
      {
        ...{ caption: "Requests that wait queues refused", metric: "scale_rate_limit_wait_refusals_total" },
        labels: { limiter: "Limiter", reason: "Reason" },
      },
    ],
  },
  cache: {
    tiles: [
      { label: "Hit ratio", metric: "scale_cache_reads_total", with: { layer: "load" }, isRest: true, of: "reads" },
      { label: "Stale values served, 60 s", metric: "scale_cache_stale_serves_total" },
      { label: "Failed loads, 60 s", metric: "scale_cache_load_failures_total" },
      { label: "Store failures, 60 s", metric: "scale_cache_store_failures_total" },
    ],
    tables: [
      {
        ...{ caption: "Reads by layer", metric: "scale_cache_reads_total" },
        labels: { name: "Definition", layer: "Layer" },
      },
      {
        ...{ caption: "Memory", labels: { cache: "Cache" } },
        gauges: [
          { title: "Used", metric: "scale_cache_memory_used_bytes", as: "MiB" },
          { title: "Limit", metric: "scale_cache_memory_limit_bytes", as: "MiB" },
          { title: "Entries", metric: "scale_cache_memory_entries" },
          { title: "Memory is served", metric: "scale_cache_bus_confirmed", as: "yes-no" },
        ],
      },
    ],
  },
  database: {
    tiles: [
      { label: "Statements, 60 s", metric: "scale_db_routes_total" },
      { label: "On replicas", metric: "scale_db_routes_total", with: { to: "replica" }, of: "statements" },
      { label: "Failed, 60 s", metric: "scale_db_checkout_failures_total" },
      { label: "Waits for a permit, 60 s", metric: "scale_db_bulkhead_waits_total" },
      { label: "Refused after a wait, 60 s", metric: "scale_db_bulkhead_refusals_total" },
    ],
    tables: [
      {
        ...{ caption: "Servers", labels: { router: "Router", node: "Server" } },
        gauges: [
          { title: "Serves", metric: "scale_db_node_serving", as: "yes-no" },
          { title: "Lag", metric: "scale_db_node_lag_seconds", as: "ms" },
          connections("Connections in use", "in-use"),
          connections("Idle", "idle"),
          connections("Waiting", "waiting"),
        ],
      },
      {
        ...{ caption: "Routes and their reasons", metric: "scale_db_routes_total" },
        labels: { node: "Server", to: "Role", reason: "Reason" },
      },
    ],
  },
  queues: {
    tiles: [
      { label: "Jobs enqueued, 60 s", metric: "scale_queue_jobs_enqueued_total" },
      { label: "Jobs refused, 60 s", metric: "scale_queue_jobs_refused_total" },
      { label: "Streams opened, 60 s", metric: "scale_realtime_connections_opened_total" },
      { label: "Events published, 60 s", metric: "scale_realtime_events_published_total" },
    ],
    tables: [
      {
        ...{ caption: "Waiting jobs", labels: { queue: "Queue" } },
        gauges: [{ title: "Depth", metric: "scale_queue_depth" }],
      },
      {
        ...{ caption: "Attempts by their outcome", metric: "scale_queue_jobs_finished_total" },
        labels: { queue: "Queue", job: "Job", outcome: "Outcome" },
      },
      {
        ...{ caption: "Streams that ended", metric: "scale_realtime_connections_closed_total" },
        labels: { reason: "Reason" },
      },
    ],
  },
  resilience: {
    tiles: [
      { label: "Calls refused by breakers, 60 s", metric: "scale_breaker_refusals_total" },
      { label: "Fallbacks, 60 s", metric: "scale_breaker_fallbacks_total" },
      { label: "Retries, 60 s", metric: "scale_breaker_retries_total" },
      { label: "Requests shed, 60 s", metric: "scale_shed_requests_total" },
    ],
    tables: [
      {
        ...{ caption: "Breakers that changed", labels: { breaker: "Breaker", key: "Key" } },
        gauges: [
          { title: "Open", metric: "scale_breaker_open", as: "yes-no" },
          { title: "Not closed", metric: "scale_breaker_disturbed", as: "yes-no" },
        ],
      },
      {
        ...{ caption: "Changes of breakers", metric: "scale_breaker_state_changes_total" },
        labels: { breaker: "Breaker", to: "To", reason: "Reason" },
      },
      {
        ...{ caption: "Shedders", labels: { shedder: "Shedder" } },
        gauges: [
          { title: "Limit", metric: "scale_shed_limit" },
          { title: "Event loop is late", metric: "scale_shed_braking", as: "yes-no" },
        ],
      },
      {
        ...{ caption: "Flags", labels: { flag: "Flag" } },
        gauges: [{ title: "Degraded", metric: "scale_flags_degraded", as: "yes-no" }],
      },
    ],
  },
};

const all = Object.values(tabs);
const tables = all.flatMap((tab) => tab.tables);
/** Gauges that the tabs show. */
export const TAB_GAUGES: readonly string[] = tables.flatMap((table) =>
  "gauges" in table ? table.gauges.map(({ metric }) => metric) : [],
);
/** Counters that the tabs show. */
export const TAB_COUNTERS: readonly string[] = [
  ...all.flatMap(({ tiles }) => tiles.map(({ metric }) => metric)),
  ...tables.flatMap((table) => ("metric" in table ? [table.metric] : [])),
];
