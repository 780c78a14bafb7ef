import { describeValue } from "@scale/core/kit";
import { internalsOf, type LimiterInternals } from "../internals.js";
import type { CountedSubject } from "../subject.js";
import type { HeldSlot, RateLimitSubject } from "../types.js";
import { KeyQueue } from "./key-queue.js";
import type { QueueParts } from "./queue-parts.js";
import { SlotWaits } from "./slot-waits.js";
import type { WaitOptions, WaitResult } from "./types.js";
import { Waiter } from "./waiter.js";

/** Longest wait in milliseconds. */
export const LONGEST_WAIT_MS = 3_600_000;

/** A queue for each subject and group with requests, and another for its requests that wait for slots. */
export class KeyQueues {
  readonly #parts: QueueParts;
  readonly #maxWaitMs: number;
  readonly #queues = new Map<string, KeyQueue>();
  readonly #limiter: LimiterInternals;
  readonly #onRelease: (held: HeldSlot) => void;
  #isClosed = false;

  constructor(
    options: {
      readonly totalQueueLimit: number;
      readonly maxWaitMs: number;
    } & Pick<QueueParts, "limiter" | "setTimer" | "clock" | "queueLimit">,
  ) {
    const { limiter, setTimer, clock, queueLimit, totalQueueLimit, maxWaitMs } = options;
    const total = { queued: 0, limit: totalQueueLimit };
    const onEmpty = (key: string): void => void this.#queues.delete(key);
    const slotWaits = new SlotWaits();
    this.#parts = { limiter, setTimer, clock, queueLimit, total, onEmpty, slotWaits };
    this.#maxWaitMs = maxWaitMs;
    this.#limiter = internalsOf(limiter);
    this.#onRelease = (held) => slotWaits.onRelease(held);
    this.#limiter.slotListeners.add(this.#onRelease);
  }

  get size(): number {
    return this.#parts.total.queued;
  }

  /** @param wantsSlot true to wait for a slot of every `concurrency` rule as well */
  async wait(subject: RateLimitSubject, options: WaitOptions = {}, wantsSlot = false): Promise<WaitResult> {
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
    const counted = this.#limiter.normalize(subject);
    const { tenantId } = counted;
    const waiter = new Waiter({ subject, tenantId, check, cost }, { arrivedAt, maxWaitMs, signal });
    const key = keyOf(counted, check, wantsSlot);
    if (this.#isClosed) new KeyQueue(key, this.#parts, wantsSlot).refuse(waiter, "closed", 0);
    else this.#queueOf(key, wantsSlot).enter(waiter);
    return waiter.result;
  }

  close(): void {
    this.#isClosed = true;
    this.#limiter.slotListeners.delete(this.#onRelease);
    for (const queue of this.#queues.values()) queue.close();
    this.#queues.clear();
  }

  #queueOf(key: string, wantsSlot: boolean): KeyQueue {
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = new KeyQueue(key, this.#parts, wantsSlot)));
    return queue;
  }
}

/** Requests with the same key are counted by the same rules for the same ids. */
function keyOf(subject: CountedSubject, { group, groupOnly }: WaitOptions, wantsSlot: boolean): string {
  const { tenantId, userId, ip, keys } = subject;
  const others = Object.entries(keys ?? {}).filter(([, id]) => id !== null && id !== undefined);
  others.sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([tenantId, userId, ip, others, group, groupOnly === true, wantsSlot]);
}
