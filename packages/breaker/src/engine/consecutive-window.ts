import type { CallWindow } from "./window.js";

/** Failures since the last success. They are forgotten when no call settles for `staleAfterMs`. */
export class ConsecutiveWindow implements CallWindow {
  readonly #staleAfterMs: number;
  #lastMs = 0;
  calls = 0;
  failures = 0;
  slow = 0;

  constructor(staleAfterMs: number) {
    this.#staleAfterMs = staleAfterMs;
  }

  /** A slow call counts as a failure. */
  record(nowMs: number, isFailure: boolean, isSlow: boolean): void {
    this.expire(nowMs);
    this.#lastMs = nowMs;
    if (!isFailure && !isSlow) return this.clear();
    this.calls++;
    this.failures++;
    if (isSlow) this.slow++;
  }

  expire(nowMs: number): void {
    if (this.calls > 0 && nowMs - this.#lastMs >= this.#staleAfterMs) this.clear();
  }

  clear(): void {
    this.calls = 0;
    this.failures = 0;
    this.slow = 0;
  }
}
