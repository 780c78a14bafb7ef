import type { Duration } from "../units.js";

/** One rule as the plan file spells it. */
export interface RateLimitRuleInput {
  /** Units per window: a whole number from 1 to 2^53 - 1. */
  readonly limit: number;
  /** 1 ms to 400 days. */
  readonly window: Duration;
  /**
   * Units that may come at once after a pause.
   * @default limit
   */
  readonly burst?: number;
  /** Who is counted. Only a rule that is named `tenant`, `user` or `ip` may leave it out. */
  readonly by?: "tenant" | "user" | "ip";
}

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
}

type RateLimitRulesOverride = Readonly<Record<string, Partial<RateLimitRuleInput>>>;

/** What one tenant has in place of what its plan says. What is left out stays as in the plan. */
export interface PlanOverrides {
  readonly rateLimit?: {
    readonly rules?: RateLimitRulesOverride;
    readonly groups?: Readonly<Record<string, RateLimitRulesOverride>>;
  };
}

/** One rule as packages read it. */
export interface RateLimitRule {
  readonly name: string;
  readonly by: "tenant" | "user" | "ip";
  /** Units per window. */
  readonly limit: number;
  readonly windowMs: number;
  /** Units that may come at once after a pause. */
  readonly burst: number;
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
  /** The plan after this one, for upgrade messages; `undefined` for the largest. */
  next(name: string): Plan<Name> | undefined;
}
