import { BusyError } from "../errors.js";

export interface GateOptions {
  readonly what: BusyError["what"];
  /** Places for all keys together. */
  readonly total: number;
  /** Who may wait for each key. 0: nobody waits. */
  readonly maxWaiting: number;
  readonly waitMs: number;
}

interface Waiter {
  admit(): void;
}

interface Lane {
  running: number;
  limit: number;
  readonly waiting: Set<Waiter>;
}

/**
 * Places for keys: each has its limit, all together have one, and who waits is served key by key in turn, so that a
 * thousand waiters of one key hold up another key's first by one place.
 */
export class FairGate {
  readonly #options: GateOptions;
  readonly #lanes = new Map<string, Lane>();
  /** The keys that have waiters and are below their own limit, the next in turn first. */
  readonly #turns = new Map<string, Lane>();
  #running = 0;
  #waiting = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get what(): GateOptions["what"] {
    return this.#options.what;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** @returns true when a place was taken; false when the key must wait */
  tryEnter(key: string, limit: number): boolean {
    const lane = this.#laneOf(key, limit);
    // Nobody overtakes those who wait for the same places.
    if (lane.waiting.size > 0 || lane.running >= limit || this.#running >= this.#options.total) return false;
    if (this.#turns.size > 0) return false;
    lane.running += 1;
    this.#running += 1;
    return true;
  }

  /**
   * After `tryEnter` has answered false: resolves when a place was taken.
   * @throws {BusyError} when too many wait, or no place came in time
   */
  async enter(key: string): Promise<void> {
    const { what, maxWaiting, waitMs } = this.#options;
    const lane = this.#laneOf(key);
    if (lane.waiting.size >= maxWaiting) {
      this.#forget(key, lane);
      throw new BusyError(what, maxWaiting === 0 ? "shed" : "queue-full");
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#leaveQueue(key, lane, waiter);
        this.#forget(key, lane);
        reject(new BusyError(what, "waited-too-long"));
      }, waitMs).unref();
      const waiter: Waiter = {
        admit: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      lane.waiting.add(waiter);
      this.#waiting += 1;
      if (lane.running < lane.limit) this.#turns.set(key, lane);
      // The limit of the key may have risen since others began to wait.
      this.#serve();
    });
  }

  leave(key: string): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return;
    lane.running -= 1;
    this.#running -= 1;
    if (lane.waiting.size > 0 && lane.running < lane.limit && !this.#turns.has(key)) this.#turns.set(key, lane);
    this.#serve();
    this.#forget(key, lane);
  }

  #serve(): void {
    for (const [key, lane] of this.#turns) {
      if (this.#running >= this.#options.total) return;
      const [waiter] = lane.waiting;
      if (waiter === undefined) continue;
      lane.running += 1;
      this.#running += 1;
      this.#leaveQueue(key, lane, waiter);
      // To the end of the turns, if it may have another one.
      this.#turns.delete(key);
      if (lane.waiting.size > 0 && lane.running < lane.limit) this.#turns.set(key, lane);
      waiter.admit();
    }
  }

  #leaveQueue(key: string, lane: Lane, waiter: Waiter): void {
    if (!lane.waiting.delete(waiter)) return;
    this.#waiting -= 1;
    if (lane.waiting.size === 0) this.#turns.delete(key);
  }

  #laneOf(key: string, limit?: number): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) this.#lanes.set(key, (lane = { running: 0, limit: limit ?? Infinity, waiting: new Set() }));
    // A plan may have changed.
    if (limit !== undefined) lane.limit = limit;
    return lane;
  }

  /** Idle keys are not remembered. */
  #forget(key: string, lane: Lane): void {
    if (lane.running === 0 && lane.waiting.size === 0) this.#lanes.delete(key);
  }
}
