import type { CallWindow } from "./window.js";

const FAILURE = 1;
const SLOW = 2;

/** The last `size` settled calls. They are forgotten when none settles for `staleAfterMs`. */
export class CountWindow implements CallWindow {
  readonly #marks: Uint8Array;
  readonly #staleAfterMs: number;
  #next = 0;
  #lastMs = 0;
  calls = 0;
  failures = 0;
  slow = 0;

  constructor(size: number, staleAfterMs: number) {
    this.#marks = new Uint8Array(size);
    this.#staleAfterMs = staleAfterMs;
  }

  record(nowMs: number, isFailure: boolean, isSlow: boolean): void {
    this.expire(nowMs);
    this.#lastMs = nowMs;
    const marks = this.#marks;
    if (this.calls < marks.length) this.calls++;
    else this.#subtract(marks[this.#next] as number);
    marks[this.#next] = (isFailure ? FAILURE : 0) | (isSlow ? SLOW : 0);
    if (isFailure) this.failures++;
    if (isSlow) this.slow++;
    this.#next = (this.#next + 1) % marks.length;
  }

  expire(nowMs: number): void {
    if (this.calls > 0 && nowMs - this.#lastMs >= this.#staleAfterMs) this.clear();
  }

  /** Old marks stay and are overwritten: only as many as `calls` count. */
  clear(): void {
    this.#next = 0;
    this.calls = 0;
    this.failures = 0;
    this.slow = 0;
  }

  #subtract(mark: number): void {
    if ((mark & FAILURE) !== 0) this.failures--;
    if ((mark & SLOW) !== 0) this.slow--;
  }
}
