import type { Clock } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { RateLimiter } from "../limiter.js";
import type { RateLimitSubject } from "../types.js";
import { KeyQueue, type QueueParts } from "./key-queue.js";
import type { SetTimer, WaitOptions, WaitResult } from "./types.js";
import { Waiter } from "./waiter.js";

/** Longest wait in milliseconds. */
export const LONGEST_WAIT_MS = 3_600_000;

/** A queue for each subject and group with requests. */
export class KeyQueues {
  readonly #parts: QueueParts;
  readonly #maxWaitMs: number;
  readonly #queues = new Map<string, KeyQueue>();
  #isClosed = false;

  constructor(options: {
    readonly limiter: Pick<RateLimiter, "name" | "check" | "refund">;
    readonly setTimer: SetTimer;
    readonly clock: Clock;
    readonly queueLimit: number;
    readonly totalQueueLimit: number;
    readonly maxWaitMs: number;
  }) {
    const { limiter, setTimer, clock, queueLimit, totalQueueLimit, maxWaitMs } = options;
    const total = { queued: 0, limit: totalQueueLimit };
    const onEmpty = ({ key }: KeyQueue): void => void this.#queues.delete(key);
    this.#parts = { limiter, setTimer, clock, queueLimit, total, onEmpty };
    this.#maxWaitMs = maxWaitMs;
  }

  get size(): number {
    return this.#parts.total.queued;
  }

  async wait(subject: RateLimitSubject, options: WaitOptions = {}): Promise<WaitResult> {
    const { maxWaitMs = this.#maxWaitMs, signal, ...check } = options;
    const { cost = 1 } = check;
    if (!Number.isSafeInteger(cost) || cost < 1) {
      throw new TypeError(`wait: cost: expected an integer >= 1, got ${describeValue(cost)}`);
    }
    if (typeof maxWaitMs !== "number" || !(maxWaitMs >= 0 && maxWaitMs <= LONGEST_WAIT_MS)) {
      throw new TypeError(`wait: maxWaitMs: expected 0 to ${LONGEST_WAIT_MS}, got ${describeValue(maxWaitMs)}`);
    }
    signal?.throwIfAborted();
    const arrivedAt = this.#parts.clock.monotonic();
    const waiter = new Waiter({ subject, check, cost }, { arrivedAt, maxWaitMs, signal });
    const key = keyOf(subject, check);
    if (this.#isClosed) new KeyQueue(key, this.#parts).refuse(waiter, "closed", 0);
    else this.#queueOf(key).enter(waiter);
    return waiter.result;
  }

  close(): void {
    this.#isClosed = true;
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }

  #queueOf(key: string): KeyQueue {
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = new KeyQueue(key, this.#parts)));
    return queue;
  }
}

/** Requests with the same key are counted by the same rules for the same ids. */
function keyOf(subject: RateLimitSubject, { group, groupOnly }: WaitOptions): string {
  const ids = Object.entries(subject).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([ids, group, groupOnly === true]);
}
