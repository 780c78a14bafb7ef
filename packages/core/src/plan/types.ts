import type { Bytes, Duration } from "../units.js";

/**
 * How a rule counts. The documentation of `@scale/rate-limit` states the worst case of each.
 * `concurrency` limits requests in progress; the others limit units per window.
 */
export type RateLimitAlgorithm = "gcra" | "sliding-window" | "strict-window" | "fixed-window" | "concurrency";

/**
 * Treatment of a request whose subject has no id of the kind that a rule counts. `deny` refuses it; `shared` counts all such
 * requests together, of the tenant where there is one; `skip` leaves the rule out.
 */
export type MissingSubjectPolicy = "deny" | "shared" | "skip";

/** Decision for a request while the counters are unavailable. */
export type StoreFailurePolicy = "allow" | "deny" | "local" | "throw";

interface CommonRuleInput {
  /** Units per window, or slots: an integer from 1 to 2^53 - 1. */
  readonly limit: number;
  /**
   * Kind of id that is counted: `"tenant"`, `"user"`, `"ip"`, or a name of your own, such as `"email"` or `"apiKey"`, for a key of the
   * subject. Optional only in a rule that is named `tenant`, `user` or `ip`.
   */
  readonly by?: string;
  /**
   * Treatment of a request whose subject has no such id. A rule in shadow leaves it out.
   * @default "deny"
   */
  readonly whenSubjectMissing?: MissingSubjectPolicy;
  /**
   * Dry run: the rule decides and reports, and never denies.
   * @default false
   */
  readonly shadow?: boolean;
  /**
   * Decision of this rule while the counters are unavailable.
   * @default the policy of the limiter
   */
  readonly whenStoreFails?: StoreFailurePolicy;
}

/** A rule over units per window, as written in the plan file. */
export interface WindowRuleInput extends CommonRuleInput {
  /** @default "gcra" */
  readonly algorithm?: Exclude<RateLimitAlgorithm, "concurrency">;
  /** Length of the window: 1 ms to 400 days. */
  readonly window: Duration;
  /**
   * Units that may be used at once after a pause. Only for `gcra`.
   * @default limit
   */
  readonly burst?: number;
  /**
   * Time for which a process may hold units in advance and decide without the store. Only for `gcra`. During a lease up to
   * limit × lease ÷ window units are admitted above the limit.
   * @default no lease
   */
  readonly lease?: Duration;
  /**
   * Blocks a subject after repeated denials. Not with `lease`.
   * @default no block
   */
  readonly block?: RateLimitBlockInput;
}

/** A block of a subject that goes on after it was denied, as written in the plan file. */
export interface RateLimitBlockInput {
  /**
   * Denials within one window that begin a block.
   * @default 1
   */
  readonly afterDenials?: number;
  /** Length of the first block: 1 ms to 400 days. Everything is denied until it ends; denials during a block do not extend it. */
  readonly duration: Duration;
  /**
   * Factor by which each further block is longer than the last. The factor starts again when a subject was not blocked for as
   * long as its last block lasted, and for a window at least.
   * @default 1
   */
  readonly factor?: number;
  /**
   * Length of the longest block.
   * @default "1d", or `duration` when that is longer
   */
  readonly maxDuration?: Duration;
}

/** A rule over requests in progress, as written in the plan file. */
export interface ConcurrencyRuleInput extends CommonRuleInput {
  readonly algorithm: "concurrency";
  /**
   * Time after which a slot is freed when its holder stopped renewing it.
   * @default "60s"
   */
  readonly ttl?: Duration;
}

/** One rule, as written in the plan file. `"unlimited"` admits everything and counts nothing. */
export type RateLimitRuleInput = WindowRuleInput | ConcurrencyRuleInput | "unlimited";

/** Rules by name. The name appears in keys, headers and metrics. */
export type RateLimitRulesInput = Readonly<Record<string, RateLimitRuleInput>>;

/** One plan, as written in the plan file. A section that is missing is not part of the plan. */
export interface PlanInput<Group extends string = string> {
  readonly rateLimit?: {
    /** Rules for every request of the tenant. */
    readonly rules: RateLimitRulesInput;
    /** Additional rules for requests of a group, such as `ai` or `upload`. */
    readonly groups?: { readonly [Name in Group]?: RateLimitRulesInput };
  };
  /** Limit of each metric. */
  readonly quota?: Readonly<Record<string, QuotaLimitInput>>;
  /** Share of the cache memory of each process. */
  readonly cache?: CacheShareInput;
  readonly database?: DatabaseShareInput;
  /** Rows per page of a list. */
  readonly pageSize?: PageSizeInput;
  /** Share of the workers of every queue. */
  readonly queue?: QueueShareInput;
  /** Open streams of events. */
  readonly realtime?: RealtimeShareInput;
}

/** Connections for streams of events, as written in the plan file. A setting that is missing is that of the hub. */
export interface RealtimeShareInput {
  /** Maximum open connections of the tenant in each process. */
  readonly maxConnections?: number;
  /** Maximum open connections of one user of the tenant in each process. */
  readonly maxConnectionsPerUser?: number;
}

/** A share of the workers of a queue, as written in the plan file. */
export interface QueueShareInput {
  /**
   * Weight of the tenant while several have jobs: with weight 3 it gets three times the service of a tenant with weight 1.
   * Above 0, up to 1,000,000.
   * @default 1
   */
  readonly weight?: number;
  /**
   * Maximum jobs of the tenant that run at once, in all workers of a queue.
   * @default no cap
   */
  readonly maxInFlight?: number;
  /**
   * Maximum jobs of the tenant that are waiting or delayed in a queue; more are refused.
   * @default 100_000
   */
  readonly maxBacklog?: number;
  /**
   * Maximum job starts of the tenant in a window.
   * @default no limit
   */
  readonly rate?: { readonly limit: number; readonly window: Duration };
}

/** A share of the cache memory, as written in the plan file. */
export interface CacheShareInput {
  /**
   * Weight of the tenant when memory is short: with weight 2 it gets twice the bytes of a tenant with weight 1. Above 0,
   * up to 1,000,000.
   * @default 1
   */
  readonly weight?: number;
  /**
   * Maximum bytes of the tenant, even when others use less than their share.
   * @default the budget of the process
   */
  readonly maxBytes?: Bytes;
}

/** A share of the database connections, as written in the plan file. */
export interface DatabaseShareInput {
  /** Maximum connections of the tenant in each process, transactions and single statements together. */
  readonly maxConnections: number;
}

/** Page sizes, as written in the plan file: integers >= 1. A size that is missing is the one of the list. */
export interface PageSizeInput {
  /** Page size of a request without one. Not above `max`. */
  readonly default?: number;
  readonly max?: number;
}

/** A quota, as written in the plan file: the result of `hard`, `soft` or `unlimited`. */
export type QuotaLimitInput =
  | { readonly kind: "hard"; readonly limit: number }
  | { readonly kind: "soft"; readonly limit: number; readonly overage?: number }
  | { readonly kind: "unlimited" };

/** `"unlimited"` lifts one rule for the tenant; the others stay. */
type RateLimitRulesOverride = Readonly<
  Record<string, (Partial<Omit<WindowRuleInput, "algorithm">> & { readonly ttl?: Duration }) | "unlimited">
>;

/** Settings of one tenant that replace those of its plan. The others stay as in the plan. */
export interface PlanOverrides {
  readonly rateLimit?: {
    readonly rules?: RateLimitRulesOverride;
    readonly groups?: Readonly<Record<string, RateLimitRulesOverride>>;
  };
  /** Replaces the plan's limit metric by metric. */
  readonly quota?: Readonly<Record<string, QuotaLimitInput>>;
  readonly cache?: CacheShareInput;
  readonly database?: DatabaseShareInput;
  readonly pageSize?: PageSizeInput;
  readonly queue?: QueueShareInput;
  readonly realtime?: RealtimeShareInput;
}

/** The plan of one tenant as the application stores it: a name or an alias, and the overrides of this tenant. */
export type PlanAssignment<Name extends string = string> =
  | Name
  | { readonly plan: Name; readonly overrides?: PlanOverrides };

/** One rule, as packages read it. */
export interface RateLimitRule {
  readonly name: string;
  /** `tenant`, `user`, `ip`, or the name of a key of the subject. */
  readonly by: string;
  readonly algorithm: RateLimitAlgorithm;
  /** Units per window, or slots; `Infinity` for a rule that is unlimited. */
  readonly limit: number;
  /** For `concurrency`: time after which a slot is freed when its holder stopped renewing it. */
  readonly windowMs: number;
  /** Units that may be used at once after a pause; equal to `limit` except for `gcra`. */
  readonly burst: number;
  readonly shadow: boolean;
  /** 0: no lease. */
  readonly leaseMs: number;
  /** `undefined`: the policy of the limiter. */
  readonly whenStoreFails: StoreFailurePolicy | undefined;
  /** @default "deny" */
  readonly whenSubjectMissing?: MissingSubjectPolicy | undefined;
  /** `undefined`: no block. */
  readonly block?: RateLimitBlock | undefined;
}

/** A block of a subject that goes on after it was denied, as packages read it. */
export interface RateLimitBlock {
  /** Denials within one window that begin a block. */
  readonly afterDenials: number;
  /** Length of the first block. */
  readonly durationMs: number;
  readonly factor: number;
  /** Length of the longest block. */
  readonly maxMs: number;
}

/** The limit of one metric, as packages read it. */
export interface QuotaLimit {
  readonly kind: "hard" | "soft" | "unlimited";
  /** Units included in the plan; `Infinity` for `unlimited`. */
  readonly limit: number;
  /** Units that are admitted: above `limit` for `soft`, `Infinity` if nothing is refused. */
  readonly max: number;
}

/** One plan, as packages read it. */
export interface Plan<Name extends string = string> {
  readonly name: Name;
  readonly rateLimit:
    | {
        readonly rules: readonly RateLimitRule[];
        readonly groups: Readonly<Record<string, readonly RateLimitRule[]>>;
      }
    | undefined;
  readonly quota: Readonly<Record<string, QuotaLimit>> | undefined;
  readonly cache: CacheShare | undefined;
  readonly database: DatabaseShare | undefined;
  readonly pageSize: PageSize | undefined;
  readonly queue: QueueShare | undefined;
  readonly realtime: RealtimeShare | undefined;
}

/** Connections for streams of events in each process, as packages read them. `undefined`: the setting of the hub. */
export interface RealtimeShare {
  readonly maxConnections: number | undefined;
  readonly maxConnectionsPerUser: number | undefined;
}

/** A share of the workers of a queue, as packages read it. */
export interface QueueShare {
  readonly weight: number;
  /** `Infinity` without a cap. */
  readonly maxInFlight: number;
  readonly maxBacklog: number;
  /** `undefined`: no limit. */
  readonly rate: { readonly limit: number; readonly windowMs: number } | undefined;
}

/** A share of the cache memory of each process, as packages read it. */
export interface CacheShare {
  readonly weight: number;
  /** `Infinity` without a cap. */
  readonly maxBytes: number;
}

/** A share of the database connections of each process, as packages read it. */
export interface DatabaseShare {
  readonly maxConnections: number;
}

/** Page sizes, as packages read them. `undefined`: the size of the list. */
export interface PageSize {
  readonly default: number | undefined;
  readonly max: number | undefined;
}

/** The plan that would allow a refused request, for upgrade messages. */
export interface Upgrade<Name extends string = string> {
  readonly from: Name;
  readonly to: Name;
  /** Result of `upgradeUrl` of `definePlans`. */
  readonly url?: string;
}

/** All plans of a product, from the smallest to the largest. */
export interface Plans<Name extends string = string, Group extends string = string, Alias extends string = string> {
  /** In the order they were written. */
  readonly names: readonly Name[];
  /** Other spellings of the names. */
  readonly aliases: readonly Alias[];
  /** Names of the rate limit groups that at least one plan has. */
  readonly groups: readonly Group[];
  /** Returns a plan by its name or an alias. */
  find(name: string): Plan<Name> | undefined;
  /**
   * Returns a plan with one tenant's overrides.
   * @throws {PlanError} for an unknown name, and for overrides that make no valid plan
   */
  resolve(name: string, overrides?: PlanOverrides): Plan<Name>;
  /** Returns the next larger plan; `undefined` for the largest. */
  next(name: string): Plan<Name> | undefined;
  /** Returns the smallest larger plan for which `allows` is true, or `undefined`. */
  upgrade(from: string, allows: (plan: Plan<Name>) => boolean): Upgrade<Name> | undefined;
}
