import type { CallWindow } from "./window.js";

/**
 * Calls that settled in the last `ms`, in a ring of buckets: at most one bucket's length less than `ms` is counted.
 * Totals are kept, so that a call reads no bucket but its own; a bucket is subtracted once, when it expires.
 */
export class TimeWindow implements CallWindow {
  readonly #bucketMs: number;
  /** Calls, failures and, if they are counted, slow calls of each bucket. */
  readonly #counts: number[];
  readonly #fields: 2 | 3;
  /** Position of the newest bucket in `#counts`. */
  #newest = 0;
  /** Time at which the newest bucket ends. */
  #endMs = 0;
  calls = 0;
  failures = 0;
  slow = 0;

  /** @param countsSlow false saves a third of the memory */
  constructor(ms: number, buckets: number, countsSlow = false) {
    this.#bucketMs = ms / buckets;
    this.#fields = countsSlow ? 3 : 2;
    this.#counts = Array.from({ length: buckets * this.#fields }, () => 0);
  }

  record(nowMs: number, isFailure: boolean, isSlow: boolean): void {
    if (nowMs >= this.#endMs) this.expire(nowMs);
    const counts = this.#counts;
    const at = this.#newest;
    counts[at] = (counts[at] as number) + 1;
    this.calls++;
    if (isFailure) {
      counts[at + 1] = (counts[at + 1] as number) + 1;
      this.failures++;
    }
    if (isSlow && this.#fields === 3) {
      counts[at + 2] = (counts[at + 2] as number) + 1;
      this.slow++;
    }
  }

  expire(nowMs: number): void {
    if (nowMs < this.#endMs) return;
    const passed = Math.floor((nowMs - this.#endMs) / this.#bucketMs) + 1;
    const buckets = this.#counts.length / this.#fields;
    // The end of a bucket is a multiple of its length, so that an idle window needs no catching up.
    this.#endMs = (Math.floor(nowMs / this.#bucketMs) + 1) * this.#bucketMs;
    if (passed >= buckets) return this.#empty();
    for (let i = 0; i < passed; i++) {
      this.#newest = (this.#newest + this.#fields) % this.#counts.length;
      this.#dropBucket(this.#newest);
    }
  }

  clear(): void {
    this.#empty();
  }

  #dropBucket(at: number): void {
    const counts = this.#counts;
    this.calls -= counts[at] as number;
    this.failures -= counts[at + 1] as number;
    counts[at] = 0;
    counts[at + 1] = 0;
    if (this.#fields === 2) return;
    this.slow -= counts[at + 2] as number;
    counts[at + 2] = 0;
  }

  #empty(): void {
    this.#counts.fill(0);
    this.calls = 0;
    this.failures = 0;
    this.slow = 0;
  }
}
