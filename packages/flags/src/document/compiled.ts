import type { HashPrefix } from "../evaluate/murmur3.js";
import type { FlagReason } from "../types.js";

/** One possible result of a flag. Built when a document is compiled, so that an evaluation only picks one. */
export interface Verdict {
  readonly value: unknown;
  readonly reason: FlagReason;
  readonly rule: string | undefined;
  readonly variant: string | undefined;
  readonly detail: string | undefined;
}

/** A flag with its settings, ready for evaluation. Flags that no document mentions are compiled from empty settings. */
export interface CompiledFlag {
  readonly key: string;
  readonly killed: Verdict | undefined;
  /** State of a binding to a signal; it outlives documents. */
  readonly degrade: { readonly verdict: Verdict | undefined } | undefined;
  readonly stale: Verdict;
  readonly requires: readonly CompiledPrerequisite[];
  readonly deny: CompiledList | undefined;
  readonly allow: CompiledList | undefined;
  readonly rules: readonly CompiledRule[];
  readonly noKey: Verdict;
  readonly fallback: Verdict;
}

export interface CompiledPrerequisite {
  /** `undefined` for a flag that this process does not define: then the prerequisite is never met. */
  readonly flag: CompiledFlag | undefined;
  readonly is: unknown;
  readonly unmet: Verdict;
}

export interface CompiledList {
  readonly tenants: ReadonlySet<string>;
  readonly users: ReadonlySet<string>;
  readonly verdict: Verdict;
}

export interface CompiledRule {
  readonly id: string;
  readonly plans: ReadonlySet<string> | undefined;
  readonly tenants: ReadonlySet<string> | undefined;
  readonly users: ReadonlySet<string> | undefined;
  readonly where: readonly CompiledCondition[] | undefined;
  /** Milliseconds since the epoch. */
  readonly window: { readonly from: number; readonly until: number } | undefined;
  readonly rollout: CompiledRollout | undefined;
  /** Attribute that decides instead of the tenant or the user. */
  readonly by: "tenant" | "user" | { readonly attribute: string };
  readonly variants: readonly CompiledVariant[] | undefined;
  /** Result without variants. */
  readonly verdict: Verdict;
}

export interface CompiledCondition {
  readonly attribute: string;
  test(value: string | number | boolean): boolean;
}

export interface CompiledRollout {
  readonly salt: HashPrefix;
  /** Buckets below this number are in; used without a ramp. */
  readonly buckets: number;
  /** Points in order of time, in milliseconds since the epoch, and buckets. */
  readonly ramp: readonly { readonly at: number; readonly buckets: number }[] | undefined;
}

export interface CompiledVariant {
  readonly prefix: HashPrefix;
  readonly weight: number;
  readonly verdict: Verdict;
}
