/** What the page shows, as `GET /scale/data` gives it. */
export interface LiveData {
  readonly limitStore: LimitStoreState;
  readonly uptimeSeconds: number;
  /** Over the last ten whole seconds. */
  readonly requestsPerSecond: number;
  /** By the plans' own rules, one for each request. What groups decide on top is in `rules` and `decidedBy`. */
  readonly decisions: Decisions;
  /** Responses with a status of 500 and above. */
  readonly errors: Count;
  /** Of the last 60 seconds. */
  readonly latency: Latency;
  /** The oldest first. The running second is left out: it has only begun. */
  readonly seconds: readonly Second[];
  readonly plans: readonly PlanRow[];
  /** What each rule denied; one request may break several. */
  readonly rules: readonly { readonly rule: string; readonly denied: Count }[];
  /** Who decided, of requests and of groups. */
  readonly decidedBy: readonly { readonly by: Decider; readonly decisions: Count }[];
  /** The store could not answer. */
  readonly storeFailures: Count;
  /** The 20 with the most requests in the last 60 seconds. */
  readonly tenants: readonly TenantRow[];
  readonly quotas: {
    /** The ten fullest of those that this process has changed. */
    readonly nearestToLimit: readonly QuotaRow[];
    readonly plans: readonly QuotaPlanRow[];
    /** Uses above what a plan includes. */
    readonly overage: Count;
    /** Questions about usage that had no answer: an e-mail asks two. */
    readonly storeFailures: Count;
  };
  readonly database: {
    readonly isWritable: boolean;
    readonly nodes: readonly NodeRow[];
    readonly routes: readonly { readonly reason: RouteReason; readonly count: Count }[];
    /** What clients brought of their writes that said nothing here: their reads went to the primary. */
    readonly rejectedTokens: Count;
    readonly waits: Count;
    readonly refused: Count;
    /** The ten tenants that waited most often. */
    readonly tenants: readonly QueueRow[];
  };
  readonly cache: {
    /** Whether memory may be served: it is known to have missed no invalidation. */
    readonly isMemoryServed: boolean;
    /** How long ago that was proven; `null` before the first proof, and without Redis. */
    readonly provenAgeMs: number | null;
    /** Those that wait for Redis. */
    readonly queuedInvalidations: number;
    readonly memory: {
      readonly bytes: number;
      readonly maxBytes: number;
      readonly entries: number;
      readonly tenants: number;
      /** Entries that had to go: that nobody had asked for, by the cap of a plan, by the share of a tenant. */
      readonly evicted: { readonly cold: number; readonly budget: number; readonly share: number };
    };
    /** Who answered. Those who waited for the same load or the same answer of Redis are one. */
    readonly reads: { readonly [Layer in keyof LayerReads]: Count };
    readonly events: readonly { readonly event: CacheEvent; readonly count: Count }[];
    /** The ten with the most reads. */
    readonly tenants: readonly CacheTenantRow[];
  };
}

/** Where a statement went: to a replica for `read`, else to the primary. */
export type RouteReason =
  | "read"
  | "write"
  | "transaction"
  | "pinned"
  | "recent-write"
  | "no-healthy-replica"
  | "read-only-refused"
  | "conflict";

/** A server of the database, as of the last question to it. */
export interface NodeRow {
  readonly name: string;
  readonly role: "primary" | "replica" | "unknown";
  readonly serves: "writes" | "reads" | "nothing";
  /** Why it serves nothing. */
  readonly reason: string | null;
  /** `null` for the primary, and while it is not known. */
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
  /** Statements that it works on. */
  readonly inFlight: number;
  readonly connections: { readonly busy: number; readonly open: number; readonly waiting: number };
  /** Without those inside of transactions. */
  readonly reads: Count;
}

/** Statements of a tenant that found all places of its plan taken. */
export interface QueueRow {
  readonly tenantId: string;
  readonly plan: string;
  /** `null` for a plan that does not say. */
  readonly maxConcurrency: number | null;
  readonly waits: Count;
  /** Those that got no place in time. */
  readonly refused: Count;
}

/** Where limits are counted, and whether that works. */
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

/** Reads by who answered them. */
export interface LayerReads {
  readonly memory: number;
  readonly redis: number;
  readonly loads: number;
}

/** Since the start. */
export interface CacheTenantRow extends LayerReads {
  readonly tenantId: string;
  readonly plan: string;
  /** What it holds in memory. */
  readonly bytes: number;
  /** What its weight gives it of memory when all tenants that were seen want more. */
  readonly shareBytes: number;
}

export type Decider = "store" | "lease" | "denial-cache" | "local" | "policy";

/** How often something happened. */
export interface Count {
  /** In the last 60 seconds. */
  readonly last: number;
  /** Since the start. */
  readonly total: number;
}

/** In the last 60 seconds, and since the start. */
export interface Decisions {
  readonly admitted: number;
  readonly denied: number;
  readonly totalAdmitted: number;
  readonly totalDenied: number;
}

/** Milliseconds; `null` without a request. */
export interface Latency {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface Second extends Latency {
  readonly admitted: number;
  readonly denied: number;
}

export interface PlanRow extends Decisions {
  readonly plan: string;
  /** Of a whole tenant. */
  readonly limits: readonly ShownLimit[];
  readonly groups: readonly { readonly group: string; readonly limits: readonly ShownLimit[] }[];
}

export interface ShownLimit {
  readonly limit: number;
  /** `null` for what runs at the same time. */
  readonly windowMs: number | null;
}

/** Where one tenant stands with one quota. */
export interface QuotaRow {
  readonly tenantId: string;
  readonly plan: string;
  readonly metric: string;
  readonly used: number;
  /** What the plan includes. */
  readonly limit: number;
  readonly refused: Count;
  /** The plan that the last refusal named; `null` without one. */
  readonly upgrade: string | null;
}

export interface QuotaPlanRow {
  readonly plan: string;
  readonly limits: readonly {
    readonly metric: string;
    /** `null` for unlimited. */
    readonly limit: number | null;
    /** Units that are admitted on top. */
    readonly more: number;
  }[];
  readonly refused: Count;
}

export interface TenantRow extends Decisions {
  readonly tenantId: string;
  readonly plan: string;
}
