export type SemaphoreRefusal = "shed" | "queue-full" | "waited-too-long";

export interface FairSemaphoreOptions {
  /** Permits for all keys together. */
  readonly total: number;
  /** Maximum queue length of a key. 0 rejects instead of queueing. */
  readonly maxWaiting: number;
  readonly waitMs: number;
  /** Function that creates the error of a refusal. */
  readonly refuse: (reason: SemaphoreRefusal) => Error;
}

export interface AcquireOptions {
  /** Milliseconds that this caller has, if it has less than `waitMs` of the semaphore. */
  readonly waitMs?: number;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal;
}

interface KeyQueue {
  running: number;
  limit: number;
  /** Callbacks of the waiting callers, oldest first. */
  readonly waiting: Set<() => void>;
}

/**
 * Fair semaphore: permits per key and in total, with round-robin queues. A thousand waiters of one key delay the first
 * waiter of another key by one permit.
 */
export class FairSemaphore {
  readonly #options: FairSemaphoreOptions;
  readonly #queues = new Map<string, KeyQueue>();
  /** Keys with waiters that are below their own limit, the next in turn first. */
  readonly #turns = new Map<string, KeyQueue>();
  #running = 0;
  #waiting = 0;

  constructor(options: FairSemaphoreOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** @returns true with a permit; false when the caller must queue */
  tryAcquire(key: string, limit: number): boolean {
    const queue = this.#queueOf(key, limit);
    // First come, first served: a new caller does not overtake the waiting ones.
    if (queue.waiting.size > 0 || queue.running >= limit || this.#running >= this.#options.total) return false;
    if (this.#turns.size > 0) return false;
    queue.running += 1;
    this.#running += 1;
    return true;
  }

  /**
   * Queues after `tryAcquire` returned false; resolves with a permit.
   * Rejects with the error of `refuse` when the queue is full or the wait timed out, with the reason of the signal when it aborts.
   */
  async acquire(key: string, { waitMs = Infinity, signal }: AcquireOptions = {}): Promise<void> {
    const { maxWaiting, refuse } = this.#options;
    const queue = this.#queueOf(key);
    if (signal?.aborted === true || queue.waiting.size >= maxWaiting) {
      this.#deleteIfIdle(key, queue);
      throw signal?.aborted === true ? signal.reason : refuse(maxWaiting === 0 ? "shed" : "queue-full");
    }
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const giveUp = (error: unknown): void => {
        end();
        this.#removeWaiter(key, queue, waiter);
        this.#deleteIfIdle(key, queue);
        reject(error);
      };
      const onAbort = (): void => giveUp(signal?.reason);
      const ms = Math.min(waitMs, this.#options.waitMs);
      const timer = setTimeout(() => giveUp(refuse("waited-too-long")), ms).unref();
      signal?.addEventListener("abort", onAbort, { once: true });
      const waiter = (): void => {
        end();
        resolve();
      };
      queue.waiting.add(waiter);
      this.#waiting += 1;
      if (queue.running < queue.limit) this.#turns.set(key, queue);
      // The limit of the key may have risen since earlier callers queued.
      this.#admitWaiters();
    });
  }

  release(key: string): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    queue.running -= 1;
    this.#running -= 1;
    if (queue.waiting.size > 0 && queue.running < queue.limit && !this.#turns.has(key)) this.#turns.set(key, queue);
    this.#admitWaiters();
    this.#deleteIfIdle(key, queue);
  }

  #admitWaiters(): void {
    for (const [key, queue] of this.#turns) {
      if (this.#running >= this.#options.total) return;
      const [waiter] = queue.waiting;
      if (waiter === undefined) continue;
      queue.running += 1;
      this.#running += 1;
      this.#removeWaiter(key, queue, waiter);
      // Moves the key to the end of the turns, if it may take another permit.
      this.#turns.delete(key);
      if (queue.waiting.size > 0 && queue.running < queue.limit) this.#turns.set(key, queue);
      waiter();
    }
  }

  #removeWaiter(key: string, queue: KeyQueue, waiter: () => void): void {
    if (!queue.waiting.delete(waiter)) return;
    this.#waiting -= 1;
    if (queue.waiting.size === 0) this.#turns.delete(key);
  }

  #queueOf(key: string, limit?: number): KeyQueue {
    let queue = this.#queues.get(key);
    if (queue === undefined)
      this.#queues.set(key, (queue = { running: 0, limit: limit ?? Infinity, waiting: new Set() }));
    // The plan of a tenant may have changed.
    if (limit !== undefined) queue.limit = limit;
    return queue;
  }

  /** Keeps the map bounded by the active keys. */
  #deleteIfIdle(key: string, queue: KeyQueue): void {
    if (queue.running === 0 && queue.waiting.size === 0) this.#queues.delete(key);
  }
}
