import type { Clock, RateLimitRule } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { type HitCounter, hitRule, statusOf, UNREACHABLE_LIMIT } from "./hit-counter.js";

/** How long a reset by another process may stay unseen. */
const REFRESH_MS = 1000;

/**
 * Numbers the resets of all counts in the current window. Counts carry the number in their key, so a reset costs one
 * call, however many clients there are. The number is itself a count in the store, in a window of the same length: it
 * starts again when all counts do.
 * @param name name of the counter, in whose place the number is kept
 * @returns `current`: the number as this process knows it, read from the store at most once a second, without waiting;
 * `read` reads it from the store; `advance` starts a new generation
 */
export function createResetGeneration(
  counter: HitCounter,
  name: string,
  clock: Clock,
): {
  current(windowMs: number): number;
  read(windowMs: number): Promise<number>;
  advance(windowMs: number): Promise<void>;
} {
  let rule: RateLimitRule | undefined;
  let generation = 0;
  let endsAt = Infinity;
  let askedAt = -Infinity;

  function ruleFor(windowMs: number): RateLimitRule {
    if (rule?.windowMs !== windowMs) {
      rule = hitRule({ name: "~resets", algorithm: "fixed-window", limit: UNREACHABLE_LIMIT, windowMs });
    }
    return rule;
  }

  function currentAt(now: number): number {
    if (now >= endsAt) {
      generation = 0;
      endsAt = Infinity;
    }
    return generation;
  }

  async function ask(windowMs: number, cost: 0 | 1): Promise<number> {
    const { remaining, resetMs } = statusOf(await counter.consume(name, ruleFor(windowMs), cost));
    const now = clock.monotonic();
    // Answers may overtake each other, and the number only grows within a window.
    const found = Math.max(currentAt(now), UNREACHABLE_LIMIT - remaining);
    if (found > generation) {
      generation = found;
      endsAt = now + resetMs;
    }
    return found;
  }

  return {
    current(windowMs) {
      const now = clock.monotonic();
      if (now - askedAt >= REFRESH_MS) {
        askedAt = now;
        // The counter publishes a failure. Until the store answers again, the known number is the best there is.
        inRootContext(() => void ask(windowMs, 0).catch(() => undefined));
      }
      return currentAt(now);
    },
    read: (windowMs) => ask(windowMs, 0),
    advance: async (windowMs) => void (await ask(windowMs, 1)),
  };
}
