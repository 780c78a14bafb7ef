import type { Decision, LimitStatus } from "../types.js";

/** The denial of the first request of a queue. */
export interface QueueDenial {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly cost: number;
  /** Without the wait for slots. */
  readonly retryAfterMs: number;
  readonly limits: readonly LimitStatus[];
}

/**
 * The earliest time at which requests of `unitsAfter` units, after the denied request, can all have passed. Other processes
 * may use up units meanwhile, so the wait can only be longer, unless units are refunded or counts are reset.
 * @returns monotonic milliseconds
 */
export function earliestPassAt({ at, cost, retryAfterMs, limits }: QueueDenial, unitsAfter: number): number {
  let waitMs = retryAfterMs;
  for (const limit of limits) {
    if (!limit.shadow) waitMs = Math.max(waitMs, leastWaitMs(limit, cost, unitsAfter));
  }
  return at + waitMs;
}

/**
 * Milliseconds until all rules but `concurrency` would admit the request. A slot may become free at any moment, so the wait
 * for one has no least time.
 */
export function leastRetryMs({ retryAfterMs, limits }: Decision): number {
  if (limits.length === 0) return retryAfterMs;
  let leastMs = 0;
  for (const limit of limits) {
    if (!limit.shadow && limit.algorithm !== "concurrency") leastMs = Math.max(leastMs, limit.retryAfterMs);
  }
  return leastMs;
}

/** Units that all rules would admit after this decision. A decision by failure policy has no rules, and sets no limit. */
export function roomOf({ limits }: Decision): number {
  let room = Infinity;
  for (const { shadow, remaining } of limits) if (!shadow) room = Math.min(room, remaining);
  return room;
}

function leastWaitMs(status: LimitStatus, cost: number, unitsAfter: number): number {
  const { algorithm, limit, windowMs, remaining, retryAfterMs } = status;
  if (algorithm === "concurrency") return 0;
  const isRefusing = retryAfterMs > 0;
  if (algorithm === "gcra") {
    const unitMs = windowMs / limit;
    // A bucket that refuses is full again as soon as the denied request has passed. `remaining` is rounded down.
    return isRefusing ? retryAfterMs + unitsAfter * unitMs : Math.max(0, cost + unitsAfter - remaining - 1) * unitMs;
  }
  // A fixed window that refuses opens after its wait, for `limit` units. The other windows can admit twice as many at first.
  const units = cost + unitsAfter - (isRefusing ? 0 : remaining);
  const windows = Math.ceil(units / limit) - (algorithm === "fixed-window" ? 1 : 2);
  return retryAfterMs + Math.max(0, windows) * windowMs;
}
