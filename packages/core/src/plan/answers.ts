import { LRUCache } from "lru-cache";
import type { Plan, PlanAssignment } from "./types.js";

/** An answer of the application's lookup, and until when it serves. */
export interface KnownPlan<Name extends string> {
  readonly assignment: PlanAssignment;
  readonly plan: Plan<Name>;
  readonly freshUntil: number;
  readonly usableUntil: number;
}

/** A lookup without a usable answer: the fallback plan serves the tenant, or `resolve` rejects with the error. */
export interface FailedLookup<Name extends string> {
  readonly plan: Plan<Name> | undefined;
  readonly error: unknown;
  readonly freshUntil: number;
}

/** Memory of the plan lookups: one LRU for plans, and one for failures. */
export interface Answers<Name extends string> {
  readonly known: LRUCache<string, KnownPlan<Name>>;
  /** A table of its own: requests with made-up tenant ids fill this one, and evict no plan of a real tenant. */
  readonly failed: LRUCache<string, FailedLookup<Name>>;
}

export function createAnswers<Name extends string>(maxTenants: number): Answers<Name> {
  // A size of 1 per entry, because `max` would allocate arrays for all 10,000,000 tenants that it may allow at once.
  const options = { maxSize: maxTenants, sizeCalculation: () => 1 };
  return { known: new LRUCache(options), failed: new LRUCache(options) };
}
