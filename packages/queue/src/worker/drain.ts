import { settledWithin } from "../settled-within.js";
import type { Consumer, TimerClock } from "../store.js";
import type { DrainReport } from "./types.js";

/** The worker, as its drain sees it. */
export interface Draining {
  readonly clock: TimerClock;
  readonly consumer: Consumer;
  /** Resolves when no job runs. */
  idle(): Promise<void>;
  /** Aborts every signal; each attempt ends within `graceMs`. */
  abortAll(graceMs: number): void;
  counts(): Omit<DrainReport, "ms">;
  failed(error: unknown): void;
}

// Together below the 500 ms that `drain` may take after its deadline.
const ABORT_GRACE_MS = 150;
const CLOSE_MS = 200;

/** Ends a worker in bounded time: every wait for a handler or the store is a race with a timer. */
export class Drain {
  readonly done: Promise<DrainReport>;
  readonly #worker: Draining;
  readonly #startedMs: number;
  #endMs = Infinity;
  #cancelTimer: () => void = () => undefined;
  #expire: () => void = () => undefined;

  constructor(worker: Draining) {
    this.#worker = worker;
    this.#startedMs = worker.clock.monotonic();
    this.done = this.#run();
  }

  /** The earliest deadline of all calls holds. */
  limit(deadlineMs: number): void {
    const { clock } = this.#worker;
    const now = clock.monotonic();
    if (now + deadlineMs >= this.#endMs) return;
    this.#endMs = now + deadlineMs;
    this.#cancelTimer();
    this.#cancelTimer = clock.setTimer(() => this.#expire(), deadlineMs, { keepAlive: true });
  }

  async #run(): Promise<DrainReport> {
    const { clock, consumer, idle, abortAll, counts, failed } = this.#worker;
    const expired = new Promise<void>((resolve) => (this.#expire = resolve));
    const stopped = settledOr(failed, () => consumer.stop());
    await Promise.race([stopped.then(idle), expired]);
    abortAll(ABORT_GRACE_MS);
    await idle();
    await settledWithin(
      clock,
      CLOSE_MS,
      settledOr(failed, () => consumer.close()),
    );
    this.#cancelTimer();
    return { ...counts(), ms: clock.monotonic() - this.#startedMs };
  }
}

/** A store that throws or rejects does not keep a worker from ending. */
async function settledOr(failed: (error: unknown) => void, call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    failed(error);
  }
}
