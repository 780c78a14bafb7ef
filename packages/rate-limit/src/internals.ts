import { type CountedSubject, DEFAULT_IPV6_PREFIX, subjectNormalizer } from "./subject.js";
import type { HeldSlot, RateLimitSubject } from "./types.js";

/** Parts of a limiter that its wait queues need beside its calls. */
export interface LimiterInternals {
  normalize(subject: RateLimitSubject): CountedSubject;
  /** Called with every slot that this process has released. */
  readonly slotListeners: Set<(held: HeldSlot) => void>;
}

export const createInternals = (ipv6Prefix: number): LimiterInternals => ({
  normalize: subjectNormalizer(ipv6Prefix),
  slotListeners: new Set(),
});

/** A property of limiters, so that a copy of one has it too. */
export const INTERNALS: unique symbol = Symbol("limiter internals");

/** The internals of a limiter. Another object with its calls counts addresses by default, and tells of no slots. */
export function internalsOf(limiter: object): LimiterInternals {
  // Only `createLimiter` knows the symbol.
  if (INTERNALS in limiter) return limiter[INTERNALS] as LimiterInternals;
  return createInternals(DEFAULT_IPV6_PREFIX);
}
