/** Facts of the product for the tabs of the live page. */
export interface LiveData {
  readonly limitStore: LimitStoreState;
  /** Decisions by the rules of the plans, one per request. Decisions of groups are in `rules` and `decidedBy` only. */
  readonly decisions: Decisions;
  /** Responses with status 500 or higher. */
  readonly errors: Count;
  readonly plans: readonly PlanRow[];
  /** Denied requests by rule. One request may violate several rules. */
  readonly rules: readonly { readonly rule: string; readonly denied: Count }[];
  /** Decisions by decider, for requests and groups. */
  readonly decidedBy: readonly { readonly by: Decider; readonly decisions: Count }[];
  /** Failed calls of the rate limit store. */
  readonly storeFailures: Count;
  /** The 20 tenants with the most requests in the last 60 seconds. */
  readonly tenants: readonly TenantRow[];
  readonly quotas: {
    /** The ten counters nearest to their limit, among those this process changed. */
    readonly nearestToLimit: readonly QuotaRow[];
    readonly plans: readonly QuotaPlanRow[];
    /** Uses above the included units of a plan. */
    readonly overage: Count;
    /** Failed calls of the usage store. An e-mail makes two. */
    readonly storeFailures: Count;
  };
  readonly resilience: ResilienceData;
  /** Absent without a queue. */
  readonly jobs?: JobsFacts;
  readonly database: {
    readonly isWritable: boolean;
    readonly nodes: readonly NodeRow[];
    readonly routes: readonly { readonly reason: RouteReason; readonly count: Count }[];
    /** Session tokens that were rejected (expired or invalid). Their reads went to the primary. */
    readonly rejectedTokens: Count;
    readonly waits: Count;
    readonly refused: Count;
    /** The ten tenants that queued most often. */
    readonly tenants: readonly QueueRow[];
  };
  readonly cache: {
    /** True when memory may be served, because no invalidation was missed. */
    readonly isMemoryServed: boolean;
    /** Time since the invalidation bus was last confirmed; `null` before the first confirmation, and without Redis. */
    readonly confirmedAgeMs: number | null;
    /** Invalidations queued until Redis is back. */
    readonly queuedInvalidations: number;
    readonly memory: {
      readonly bytes: number;
      readonly maxBytes: number;
      readonly entries: number;
      readonly tenants: number;
      /** Evicted entries: cold ones, over the cap of a plan, over the share of a tenant. */
      readonly evicted: { readonly cold: number; readonly budget: number; readonly share: number };
    };
    /** Reads by layer. Reads that shared a load or a Redis reply count once. */
    readonly reads: { readonly [Layer in keyof LayerReads]: Count };
    readonly events: readonly { readonly event: CacheEvent; readonly count: Count }[];
    /** The ten tenants with the most reads. */
    readonly tenants: readonly CacheTenantRow[];
  };
}

/** Degradation of the process, and the reasons. */
export interface ResilienceData {
  /** True while the demo keeps the service of exchange rates from answering. */
  readonly isUpstreamStuck: boolean;
  readonly breakers: readonly BreakerRow[];
  /** Calls that breakers refused. */
  readonly refusedCalls: Count;
  /** Calls whose result came from a fallback. */
  readonly fallbacks: Count;
  readonly flags: readonly FlagRow[];
  readonly shed: {
    readonly level: "normal" | "waiting" | "shedding";
    /** True while the event loop is late and the rate of admissions is limited. */
    readonly isBraking: boolean;
    /** Cost in progress now, the highest in the last 60 seconds, and the limit. */
    readonly inFlight: number;
    readonly highestInFlight: number;
    readonly limit: number;
    readonly waiting: number;
    readonly eventLoopDelayMs: number;
    readonly refused: Count;
    /** The ten tenants with the most refusals. */
    readonly tenants: readonly ShedTenantRow[];
  };
}

export interface BreakerRow {
  readonly name: string;
  readonly key: string | null;
  readonly state: "closed" | "open" | "half-open" | "ramping";
  readonly mode: string;
  /** Why the state changed last, and how long ago; `null` before the first change. */
  readonly reason: string | null;
  readonly changedAgoMs: number | null;
  /** Settled calls in its window. */
  readonly calls: number;
  readonly failures: number;
}

export interface FlagRow {
  readonly flag: string;
  /** Value for a tenant that no rule names, as JSON. */
  readonly value: string;
  readonly reason: string;
  /** Source of its rules, and how long ago that confirmed them; `null` without rules. */
  readonly from: "live" | "file" | "default";
  readonly ageMs: number | null;
}

export interface ShedTenantRow {
  readonly tenantId: string;
  readonly refused: Count;
  /** Reason of the last refusal. */
  readonly reason: string;
}

/** Reason of a route: `read` runs on a replica, all others on the primary. */
export type RouteReason =
  | "read"
  | "write"
  | "transaction"
  | "pinned"
  | "recent-write"
  | "no-healthy-replica"
  | "read-only-refused"
  | "conflict";

/** A database server, as of its last poll. */
export interface NodeRow {
  readonly name: string;
  readonly role: "primary" | "replica" | "unknown";
  readonly serves: "writes" | "reads" | "nothing";
  /** Reason why it serves nothing. */
  readonly reason: string | null;
  /** `null` for the primary, and while unknown. */
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  /** Running statements. */
  readonly inFlight: number;
  readonly connections: { readonly busy: number; readonly open: number; readonly waiting: number };
  /** Reads outside transactions. */
  readonly reads: Count;
}

/** Statements of a tenant that queued because its plan's concurrency was used up. */
export interface QueueRow {
  readonly tenantId: string;
  readonly plan: string;
  /** Maximum concurrency of the plan; `null` when the plan sets none. */
  readonly maxConcurrency: number | null;
  readonly waits: Count;
  /** Statements that timed out in the queue. */
  readonly refused: Count;
}

/** Store of the rate limits and its state. */
export type LimitStoreState =
  | { readonly is: "redis"; readonly state: "connected" | "stalled" | "disconnected" }
  | { readonly is: "memory"; readonly reason: string };

export type CacheEvent =
  | "warm"
  | "stale-serve"
  | "fill-refuse"
  | "invalidation-queue"
  | "memory-drop"
  | "store-fail"
  | "load-fail";

/** Reads by the layer that answered. */
export interface LayerReads {
  readonly memory: number;
  readonly redis: number;
  readonly loads: number;
}

/** Reads of a tenant since the start, and its memory. */
export interface CacheTenantRow extends LayerReads {
  readonly tenantId: string;
  readonly plan: string;
  /** Bytes it holds in memory. */
  readonly bytes: number;
  /** Its guaranteed share of memory, by weight among all seen tenants. */
  readonly shareBytes: number;
}

export type Decider = "store" | "lease" | "denial-cache" | "local" | "policy" | "unlimited";

/** Number of occurrences. */
export interface Count {
  /** Within the last 60 seconds. */
  readonly last: number;
  /** Since the start. */
  readonly total: number;
}

/** Decisions within the last 60 seconds, and since the start. */
export interface Decisions {
  readonly admitted: number;
  readonly denied: number;
  readonly totalAdmitted: number;
  readonly totalDenied: number;
}

/** Milliseconds; `null` without requests. */
export interface Latency {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface PlanRow extends Decisions {
  readonly plan: string;
  /** Limits of a whole tenant. */
  readonly limits: readonly ShownLimit[];
  readonly groups: readonly { readonly group: string; readonly limits: readonly ShownLimit[] }[];
}

export interface ShownLimit {
  readonly limit: number;
  /** `null` for a concurrency limit. */
  readonly windowMs: number | null;
}

/** Usage of one metric by one tenant. */
export interface QuotaRow {
  readonly tenantId: string;
  readonly plan: string;
  readonly metric: string;
  readonly used: number;
  /** Included units. */
  readonly limit: number;
  readonly refused: Count;
  /** Plan that the last refusal suggested; `null` without one. */
  readonly upgrade: string | null;
}

export interface QuotaPlanRow {
  readonly plan: string;
  readonly limits: readonly {
    readonly metric: string;
    /** `null` for unlimited. */
    readonly limit: number | null;
    /** Units admitted above the limit. */
    readonly more: number;
  }[];
  readonly refused: Count;
}

export interface TenantRow extends Decisions {
  readonly tenantId: string;
  readonly plan: string;
}

/** Jobs of all processes, and streams of this one. */
export interface JobsFacts {
  readonly store: "redis" | "memory";
  /** Jobs by state; `undefined` while the store does not answer. */
  readonly depth: JobDepth | undefined;
  /** Tenant with the most jobs of the last minute; `undefined` without one above a quarter of all. */
  readonly noisyTenant: string | undefined;
  /** p95 of the wait in the last minute, in milliseconds: of all tenants but the noisy one, and of that one. */
  readonly quietWaitMs: number | null;
  readonly noisyWaitMs: number | null;
  /** Most jobs first, at most ten. */
  readonly tenants: readonly {
    readonly tenantId: string;
    readonly waiting: number;
    readonly started: number;
    readonly waitMs: number | null;
  }[];
  /** Since the start of the process. */
  readonly jobs: readonly {
    readonly job: string;
    readonly finished: number;
    readonly failed: number;
    readonly retried: number;
  }[];
  /** Open streams, and events published and resets in the last minute. */
  readonly streams: {
    readonly connections: number;
    readonly tenants: number;
    readonly published: number;
    readonly resets: number;
  };
}

export interface JobDepth {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly dead: number;
  /** Messages of the outbox that are not yet relayed. */
  readonly outbox: number;
}
