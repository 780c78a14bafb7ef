/** The request, job or session that a flag is evaluated for. `TenantContext` of `@scale/core` is one. */
export interface FlagSubject {
  readonly tenantId?: string | undefined;
  readonly userId?: string | undefined;
  /** Name of the tenant's plan. Without it `planOf` of the options is asked. */
  readonly plan?: string | undefined;
  /** Further facts that rules may name in `where` and `by`. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/**
 * Why a flag has its value.
 *
 * - `KILLED`: the kill switch is on.
 * - `DEGRADED`: a signal bound to the flag reports trouble in this process.
 * - `OVERRIDE`: set by `flags.override` for this request.
 * - `STALE`: the rules are older than `maxStaleness`, so the flag has its default.
 * - `PREREQUISITE`: a flag that this one requires has another value.
 * - `DENIED`, `ALLOWED`: the tenant or the user is on a list of the flag.
 * - `TARGET`: a rule without a percentage matched.
 * - `SPLIT`: a percentage or the weights of variants decided.
 * - `NO_KEY`: a percentage had no tenant, user or attribute to decide by, so the flag has its default.
 * - `DEFAULT`: no rule matched.
 */
export type FlagReason =
  | "KILLED"
  | "DEGRADED"
  | "OVERRIDE"
  | "STALE"
  | "PREREQUISITE"
  | "DENIED"
  | "ALLOWED"
  | "TARGET"
  | "SPLIT"
  | "NO_KEY"
  | "DEFAULT";

/** Where the rules in force come from: the live source, the last-known-good file, or nowhere yet. */
export type FlagOrigin = "live" | "file" | "default";

export interface FlagStatus {
  readonly from: FlagOrigin;
  /** Version of the document in force; 0 without one. */
  readonly version: number;
  /** Identity of the document in force; "" without one. */
  readonly revision: string;
  /** Milliseconds since the live source last confirmed the document in force; `undefined` without one. */
  readonly ageMs: number | undefined;
  /** True when `ageMs` is above `maxStaleness`. */
  readonly isStale: boolean;
  /** Author of the last change, as given to `set` or `kill`. */
  readonly changedBy: string | undefined;
  /** Time of the last change, in milliseconds since the epoch. */
  readonly changedAt: number | undefined;
}

/** How one rule ended for a subject. `match` is the rule that decided; all others name the first condition that failed. */
export interface RuleTrace {
  readonly rule: string;
  readonly result: "match" | "window" | "plan" | "tenant" | "user" | "attribute" | "no-key" | "percentage";
  /** Bucket of the subject in this rule, 0 to 99,999: a share of p percent takes the buckets below 1,000 p. */
  readonly bucket?: number;
  /** Percentage of the rule at this moment. */
  readonly percent?: number;
}

export interface Explanation<T = unknown> {
  readonly flag: string;
  readonly value: T;
  readonly reason: FlagReason;
  /** Id of the rule that decided. */
  readonly rule: string | undefined;
  /** Name of the chosen variant. */
  readonly variant: string | undefined;
  /** More about the reason: the flag that is required, or the key that is missing. */
  readonly detail: string | undefined;
  /** The rules that were tried, in order. Empty when the reason came before the rules. */
  readonly rules: readonly RuleTrace[];
  readonly source: FlagStatus;
}
