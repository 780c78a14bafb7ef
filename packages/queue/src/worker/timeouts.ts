import type { TimerClock } from "../store.js";

/**
 * The timeouts of a worker's attempts under one timer. Most attempts end long before theirs: a timer for each would be set and
 * cleared for every job.
 */
export class Timeouts {
  readonly #clock: TimerClock;
  readonly #ends = new Map<() => void, number>();
  #armedMs = Infinity;
  #cancelTimer: () => void = () => undefined;

  constructor(clock: TimerClock) {
    this.#clock = clock;
  }

  add(onTimeout: () => void, ms: number): void {
    const endMs = this.#clock.monotonic() + ms;
    this.#ends.set(onTimeout, endMs);
    if (endMs < this.#armedMs) this.#arm(endMs);
  }

  /** The timer stays: it finds nothing, or is in use for others. */
  remove(onTimeout: () => void): void {
    this.#ends.delete(onTimeout);
  }

  #arm(endMs: number): void {
    this.#cancelTimer();
    this.#armedMs = endMs;
    this.#cancelTimer = this.#clock.setTimer(() => this.#expire(), Math.max(0, endMs - this.#clock.monotonic()));
  }

  #expire(): void {
    this.#armedMs = Infinity;
    const now = this.#clock.monotonic();
    let nextMs = Infinity;
    for (const [onTimeout, endMs] of this.#ends) {
      if (endMs > now) {
        nextMs = Math.min(nextMs, endMs);
        continue;
      }
      this.#ends.delete(onTimeout);
      onTimeout();
    }
    if (nextMs < this.#armedMs) this.#arm(nextMs);
  }
}
