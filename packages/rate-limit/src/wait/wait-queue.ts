import { type Clock, systemClock } from "@scale/core";
import { clockOption, inRootContext, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { RateLimiter } from "../limiter.js";
import type { RateLimitSubject, Slot } from "../types.js";
import { KeyQueues, LONGEST_WAIT_MS } from "./key-queues.js";
import type { SetTimer, WaitAdmission, WaitDenial, WaitOptions, WaitResult } from "./types.js";

export interface WaitQueueOptions {
  /**
   * Maximum number of queued requests of one subject. The next one is refused.
   * @default 100
   */
  readonly queueLimit?: number;
  /**
   * Maximum number of queued requests of all subjects in this process.
   * @default 10_000
   */
  readonly totalQueueLimit?: number;
  /**
   * Maximum wait of a request in milliseconds, up to 3,600,000, when its call names none.
   * @default 5000
   */
  readonly maxWaitMs?: number;
  /** Clock of waits and deadlines, for tests. */
  readonly clock?: Clock;
}

/** Lets requests wait for room under their limits, in this process. */
export interface WaitQueue {
  /** Number of queued requests. */
  readonly size: number;
  /**
   * Decides as `limiter.check`, and waits for room instead of being denied. Requests of one subject and group pass in order
   * of arrival, also a small one after a large one. A request whose wait would exceed its deadline is refused at once, as
   * far as that can be known. `concurrency` rules are left out, as in `check`. The addresses of one IPv6 prefix are one
   * subject, as they are for the limiter.
   * Settles at the deadline, or when the call to the limiter that was sent before it is answered.
   * @returns `allowed: true` with the decision that charged the request, or the reason why it may not pass
   * @throws the signal's reason when it aborts; the errors of `check`
   * @throws {TypeError} for a cost that is not an integer >= 1, or a `maxWaitMs` out of its range
   */
  wait(subject: RateLimitSubject, options?: WaitOptions): Promise<WaitResult>;
  /**
   * Decides as `limiter.acquire`, and waits for a slot of every `concurrency` rule as well. A slot that this process releases
   * wakes the request that has waited longest for it; slots of other processes are found at the retry time, a second at the
   * most, and at the deadline. Requests of `acquire` do not wait for those of `wait`.
   * @returns `allowed: true` with the slot to release, or the reason why the request may not pass
   * @throws as `wait`
   */
  acquire(
    subject: RateLimitSubject,
    options?: WaitOptions,
  ): Promise<(WaitAdmission & { readonly slot: Slot }) | WaitDenial>;
  /** Refuses all queued requests, and those that come later, as `closed`. The limiter stays open. */
  close(): void;
}

const optionsSchema = z.strictObject({
  queueLimit: z.int().min(1).max(1_000_000).default(100),
  totalQueueLimit: z.int().min(1).max(1_000_000).default(10_000),
  maxWaitMs: z.number().min(0).max(LONGEST_WAIT_MS).default(5000),
  clock: clockOption.default(systemClock),
});

/**
 * Creates a bounded queue in front of a limiter. The limits are shared with other processes by the limiter's store; the
 * queue is not: requests of one process pass in order, those of several processes compete.
 * @throws {ConfigError} that names the wrong option
 */
export function createWaitQueue(
  limiter: Pick<RateLimiter, "name" | "check" | "acquire" | "refund">,
  options: WaitQueueOptions = {},
): WaitQueue {
  const parsed = parseOptions(optionsSchema, options, "createWaitQueue");
  const queues = new KeyQueues({ limiter, setTimer: setSharedTimer, ...parsed });
  return {
    get size() {
      return queues.size;
    },
    wait: (subject, waitOptions) => queues.wait(subject, waitOptions),
    // Each admission of these waits has a slot.
    acquire: (subject, waitOptions) => queues.wait(subject, waitOptions, true) as ReturnType<WaitQueue["acquire"]>,
    close: () => queues.close(),
  };
}

/** The timer of a queue serves many requests, so it belongs to none of them. A process with queued requests stays alive. */
const setSharedTimer: SetTimer = (ms, onDue) => {
  const timer = inRootContext(() => setTimeout(onDue, Math.ceil(ms)));
  return () => clearTimeout(timer);
};
