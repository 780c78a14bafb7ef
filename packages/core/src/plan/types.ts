import type { Bytes, Duration } from "../units.js";

/**
 * How a rule counts. What each admits in the worst case is said in the documentation of `@scale/rate-limit`.
 * `concurrency` counts what runs at the same time; the others count units per window.
 */
export type RateLimitAlgorithm = "gcra" | "sliding-window" | "strict-window" | "fixed-window" | "concurrency";

/** What a request gets when the counts cannot be read. */
export type StoreFailurePolicy = "allow" | "deny" | "local" | "throw";

interface CommonRuleInput {
  /** Units per window, or slots: a whole number from 1 to 2^53 - 1. */
  readonly limit: number;
  /** Who is counted. Only a rule that is named `tenant`, `user` or `ip` may leave it out. */
  readonly by?: "tenant" | "user" | "ip";
  /**
   * Decides and reports, and never denies: for trying a rule out.
   * @default false
   */
  readonly shadow?: boolean;
  /**
   * What this rule decides when the counts cannot be read.
   * @default the limiter's
   */
  readonly whenStoreFails?: StoreFailurePolicy;
}

/** A rule over units per window as the plan file spells it. */
export interface WindowRuleInput extends CommonRuleInput {
  /** @default "gcra" */
  readonly algorithm?: Exclude<RateLimitAlgorithm, "concurrency">;
  /** 1 ms to 400 days. */
  readonly window: Duration;
  /**
   * Units that may come at once after a pause; for `gcra` alone.
   * @default limit
   */
  readonly burst?: number;
  /**
   * How long a process may keep units it was given in advance, to decide without asking; for `gcra` alone. In this time
   * up to limit × lease ÷ window units may come on top.
   * @default none are kept
   */
  readonly lease?: Duration;
}

/** A rule over what runs at the same time as the plan file spells it. */
export interface ConcurrencyRuleInput extends CommonRuleInput {
  readonly algorithm: "concurrency";
  /**
   * How long a slot stays taken when its holder is not heard of. A holder that lives renews it.
   * @default "60s"
   */
  readonly ttl?: Duration;
}

/** One rule as the plan file spells it. */
export type RateLimitRuleInput = WindowRuleInput | ConcurrencyRuleInput;

/** Rules by name. The name appears in keys, headers and metrics. */
export type RateLimitRulesInput = Readonly<Record<string, RateLimitRuleInput>>;

/** What a plan file says about one plan. A section that is left out is not sold with the plan. */
export interface PlanInput {
  readonly rateLimit?: {
    /** Hold for every request of the tenant. */
    readonly rules: RateLimitRulesInput;
    /** Hold in addition for requests of the group, such as `ai` or `upload`. */
    readonly groups?: Readonly<Record<string, RateLimitRulesInput>>;
  };
  /** How much of each metric the plan includes. */
  readonly quota?: Readonly<Record<string, QuotaLimitInput>>;
  /** What a tenant may hold in the memory of each process. */
  readonly cache?: CacheShareInput;
  readonly database?: DatabaseShareInput;
  /** How many rows a list may return at once. */
  readonly pageSize?: PageSizeInput;
}

/** A share of memory as the plan file spells it. */
export interface CacheShareInput {
  /**
   * Of two tenants that both want more than there is, one with weight 2 gets twice the bytes. Above 0, up to a million.
   * @default 1
   */
  readonly weight?: number;
  /**
   * Never more than this, even when others use less.
   * @default no cap but that of the process
   */
  readonly maxBytes?: Bytes;
}

/** A share of the database as the plan file spells it. */
export interface DatabaseShareInput {
  /** Connections that a tenant may hold at the same time in each process, transactions and single statements together. */
  readonly maxConnections: number;
}

/** Page sizes as the plan file spells them: whole numbers from 1 on. What is left out is up to the list. */
export interface PageSizeInput {
  /** Of a request that asks for none. Not above `max`. */
  readonly default?: number;
  readonly max?: number;
}

/** A quota as the plan file spells it: what `hard`, `soft` and `unlimited` return. */
export type QuotaLimitInput =
  | { readonly kind: "hard"; readonly limit: number }
  | { readonly kind: "soft"; readonly limit: number; readonly overage?: number }
  | { readonly kind: "unlimited" };

type RateLimitRulesOverride = Readonly<
  Record<string, Partial<Omit<WindowRuleInput, "algorithm">> & { readonly ttl?: Duration }>
>;

/** What one tenant has in place of what its plan says. What is left out stays as in the plan. */
export interface PlanOverrides {
  readonly rateLimit?: {
    readonly rules?: RateLimitRulesOverride;
    readonly groups?: Readonly<Record<string, RateLimitRulesOverride>>;
  };
  /** In place of the plan's, metric by metric. */
  readonly quota?: Readonly<Record<string, QuotaLimitInput>>;
  readonly cache?: CacheShareInput;
  readonly database?: DatabaseShareInput;
  readonly pageSize?: PageSizeInput;
}

/** The plan of one tenant as the application stores it: a name or an alias, and the overrides of this tenant. */
export type PlanAssignment = string | { readonly plan: string; readonly overrides?: PlanOverrides };

/** One rule as packages read it. */
export interface RateLimitRule {
  readonly name: string;
  readonly by: "tenant" | "user" | "ip";
  readonly algorithm: RateLimitAlgorithm;
  /** Units per window, or slots. */
  readonly limit: number;
  /** For `concurrency`: how long a slot stays taken when its holder is not heard of. */
  readonly windowMs: number;
  /** Units that may come at once after a pause; `limit` for all but `gcra`. */
  readonly burst: number;
  readonly shadow: boolean;
  /** 0: no units are kept in advance. */
  readonly leaseMs: number;
  /** `undefined`: the limiter's. */
  readonly whenStoreFails: StoreFailurePolicy | undefined;
}

/** How much of a metric a plan includes, as packages read it. */
export interface QuotaLimit {
  readonly kind: "hard" | "soft" | "unlimited";
  /** Units that are included; `Infinity` for `unlimited`. */
  readonly limit: number;
  /** Units that are admitted: above `limit` for `soft`, `Infinity` where nothing is refused. */
  readonly max: number;
}

/** One plan as packages read it. */
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
}

/** A share of the memory of each process, as packages read it. */
export interface CacheShare {
  readonly weight: number;
  /** `Infinity` without a cap. */
  readonly maxBytes: number;
}

/** A share of the database in each process, as packages read it. */
export interface DatabaseShare {
  readonly maxConnections: number;
}

/** Page sizes as packages read them. `undefined`: the list's own. */
export interface PageSize {
  readonly default: number | undefined;
  readonly max: number | undefined;
}

/** The plan that a tenant would need, for upgrade messages. */
export interface Upgrade<Name extends string = string> {
  readonly from: Name;
  readonly to: Name;
  /** Where the tenant can change it, as `upgradeUrl` of `definePlans` says. */
  readonly url?: string;
}

/** All plans of a product, from the smallest to the largest. */
export interface Plans<Name extends string = string> {
  /** In the order they were written. */
  readonly names: readonly Name[];
  /** A plan by its name or an alias. */
  find(name: string): Plan<Name> | undefined;
  /**
   * A plan with one tenant's overrides.
   * @throws {PlanError} for an unknown name, and for overrides that make no valid plan
   */
  resolve(name: string, overrides?: PlanOverrides): Plan<Name>;
  /** The plan after this one; `undefined` for the largest. */
  next(name: string): Plan<Name> | undefined;
  /** The smallest plan after this one of which `allows` is true; `undefined` when there is none. */
  upgrade(from: string, allows: (plan: Plan<Name>) => boolean): Upgrade<Name> | undefined;
}
