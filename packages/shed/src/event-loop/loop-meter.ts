/** Milliseconds between two turns of the event loop that is on time. */
export const TURN_MS = 20;

/** Delays of an event loop since the last reading. */
export interface LoopReading {
  /** Greatest delay, in milliseconds. */
  readonly delayMs: number;
  /** Milliseconds for which it has been late without a turn in time; 0 while it is in time. */
  readonly lateForMs: number;
}

/**
 * The delay of an event loop that reports its turns. A loop that does not turn is late too: within one long turn that reads
 * many requests, no timer fires.
 */
export class LoopMeter {
  /** Delay above which a turn is late. */
  readonly #targetMs: number;
  #turnedMs: number;
  #inTimeMs: number;
  #delayMs = 0;

  constructor(targetMs: number, nowMs: number) {
    this.#targetMs = targetMs;
    this.#turnedMs = nowMs;
    this.#inTimeMs = nowMs;
  }

  turn(nowMs: number): void {
    const delayMs = nowMs - this.#turnedMs - TURN_MS;
    if (delayMs <= this.#targetMs) this.#inTimeMs = nowMs;
    this.#delayMs = Math.max(this.#delayMs, delayMs);
    this.#turnedMs = nowMs;
  }

  /** The turn that is not over counts as far as it is. */
  read(nowMs: number): LoopReading {
    const presentMs = nowMs - this.#turnedMs - TURN_MS;
    const isLate = presentMs > this.#targetMs || this.#inTimeMs < this.#turnedMs;
    const delayMs = Math.max(this.#delayMs, presentMs);
    this.#delayMs = 0;
    return { delayMs, lateForMs: isLate ? nowMs - this.#inTimeMs : 0 };
  }

  /** Begins again after a time without turns. */
  restart(nowMs: number): void {
    this.#turnedMs = nowMs;
    this.#inTimeMs = nowMs;
    this.#delayMs = 0;
  }
}
