import { type CatalogueRow, counter, gauge, seconds, secondsOf, tenantCounter, textOf } from "./row.js";

const chosen = "scale:db-router:route-choose";

export const data: readonly CatalogueRow[] = [
  tenantCounter(
    "scale_cache_reads_total",
    "watch.cache, record.cacheRead",
    "Values that readers got, by the layer that had them.",
    {
      labels: ["name", "layer"],
    },
  ),
  counter(
    "scale_cache_store_failures_total",
    "scale:cache:store-fail",
    "Calls that the store of a cache did not answer.",
    {
      labels: ["operation"],
    },
  ),
  tenantCounter("scale_cache_load_failures_total", "scale:cache:load-fail", "Loads that failed.", { labels: ["name"] }),
  tenantCounter(
    "scale_cache_stale_serves_total",
    "scale:cache:stale-serve",
    "Readers that got a value after its time to live.",
    {
      labels: ["name", "reason"],
    },
  ),
  counter(
    "scale_cache_fill_refusals_total",
    "scale:cache:fill-refuse",
    "Loaded values that an invalidation overtook.",
    {
      labels: ["name"],
    },
  ),
  counter("scale_cache_entry_rejects_total", "scale:cache:entry-reject", "Stored entries that could not be read.", {
    labels: ["name"],
  }),
  tenantCounter(
    "scale_cache_value_refusals_total",
    "scale:cache:value-refuse",
    "Values with too many tags to be kept.",
    {
      labels: ["name", "reason"],
    },
  ),
  counter(
    "scale_cache_memory_drops_total",
    "scale:cache:memory-drop",
    "Times that memory was dropped, because an invalidation may have been missed.",
    {
      read: (message) => (message["isFirst"] === true ? undefined : {}),
    },
  ),
  counter("scale_cache_memory_failures_total", "scale:cache:memory-fail", "Values without a valid memory budget."),
  counter(
    "scale_cache_invalidations_queued_total",
    "scale:cache:invalidation-queue",
    "Invalidations that did not reach the store at once.",
    {
      labels: ["kept"],
    },
  ),
  gauge("scale_cache_memory_used_bytes", "watch.cache", "Memory that the entries of a cache use.", {
    unit: "bytes",
    labels: ["cache"],
  }),
  gauge("scale_cache_memory_limit_bytes", "watch.cache", "Memory that a cache may use.", {
    unit: "bytes",
    labels: ["cache"],
  }),
  gauge("scale_cache_memory_entries", "watch.cache", "Entries in the memory of a cache.", { labels: ["cache"] }),
  gauge("scale_cache_memory_evictions", "watch.cache", "Entries evicted since the start.", {
    labels: ["cache", "cause"],
  }),
  gauge("scale_cache_bus_confirmed", "watch.cache", "1 while the invalidation bus is known to have missed nothing.", {
    labels: ["cache"],
  }),
  tenantCounter("scale_db_routes_total", chosen, "Statements by the node that they went to.", {
    labels: ["router", "to", "node", "reason"],
  }),
  seconds("scale_db_replica_lag_seconds", chosen, "Lag of the replica at each statement that it served.", {
    labels: ["router", "node"],
    read: secondsOf("lagMs"),
  }),
  seconds(
    "scale_db_checkout_duration_seconds",
    "scale:db-router:statement-end",
    "Time that a statement, or a transaction, held a connection.",
    {
      labels: ["router", "to"],
      read: secondsOf("durationMs"),
    },
  ),
  tenantCounter(
    "scale_db_checkout_failures_total",
    "scale:db-router:statement-end",
    "Statements and transactions that failed.",
    {
      labels: ["router", "to"],
      read: (message) => (message["isFailed"] === true ? {} : undefined),
    },
  ),
  counter("scale_db_node_ejections_total", "scale:db-router:node-eject", "Times that a node stopped serving.", {
    labels: ["router", "node", "reason"],
  }),
  counter("scale_db_node_returns_total", "scale:db-router:node-return", "Times that a node began to serve.", {
    labels: ["router", "node"],
  }),
  counter(
    "scale_db_primary_changes_total",
    "scale:db-router:primary-change",
    "Times that writes moved to another node.",
    {
      labels: ["router"],
    },
  ),
  tenantCounter("scale_db_token_refusals_total", "scale:db-router:token-refuse", "Session tokens that were rejected.", {
    labels: ["router", "reason"],
  }),
  tenantCounter(
    "scale_db_bulkhead_waits_total",
    "scale:db-router:bulkhead-wait",
    "Statements that queued for a permit.",
    {
      labels: ["router", "what"],
    },
  ),
  tenantCounter(
    "scale_db_bulkhead_refusals_total",
    "scale:db-router:bulkhead-refuse",
    "Queued statements that were refused.",
    {
      labels: ["router", "what", "reason"],
    },
  ),
  counter("scale_db_connection_losses_total", "scale:db-router:connection-lose", "Idle connections that broke.", {
    labels: ["node"],
  }),
  tenantCounter(
    "scale_db_connection_discards_total",
    "scale:db-router:connection-discard",
    "Connections that were closed instead of being lent again.",
    {
      labels: ["node", "reason"],
    },
  ),
  counter(
    "scale_db_discovery_failures_total",
    "scale:db-router:discovery-fail",
    "Failed looks for the nodes of a cluster.",
    {
      labels: ["router"],
    },
  ),
  gauge("scale_db_node_serving", "watch.router", "1 while a node serves reads or writes.", {
    labels: ["router", "node", "role"],
  }),
  gauge("scale_db_node_lag_seconds", "watch.router", "Replica lag, as the router sees it.", {
    unit: "seconds",
    labels: ["router", "node"],
  }),
  gauge("scale_db_pool_connections", "watch.router", "Connections of the pool of a node.", {
    labels: ["router", "node", "state"],
  }),
  gauge("scale_db_pool_usage_ratio", "watch.router", "Share of the largest number of connections that is in use.", {
    labels: ["router", "node"],
  }),
  counter("scale_query_failures_total", "record.query", "Queries that failed.", { labels: ["name"] }),
  seconds("scale_query_duration_seconds", "record.query", "Time of a query that the application records.", {
    labels: ["name"],
  }),
  tenantCounter("scale_slow_queries_total", "record.query", "Recorded queries that took longer than a second.", {
    labels: ["name"],
    read: (message) => ({ labels: { name: textOf(message, "name") } }),
  }),
];
