/** Buckets that double eight times an octave: 9 % apart, from 0.1 ms to about an hour. */
const PER_OCTAVE = 8;
const BUCKETS = 200;
const FIRST_MS = 0.1;
/** Samples after which the older half is dropped. */
const HALF = 500;
/** A hot path reads the quantile more often than it moves: it is computed again after so many samples. */
const REFRESH = 50;

/** Estimates one quantile of the latest 500 to 1,000 latencies, within 9 %. Constant memory, O(1) for each sample. */
export class LatencyQuantile {
  readonly #quantile: number;
  #current = new Uint32Array(BUCKETS);
  #previous = new Uint32Array(BUCKETS);
  #count = 0;
  #previousCount = 0;
  #valueMs: number | undefined;

  constructor(quantile: number) {
    this.#quantile = quantile;
  }

  get count(): number {
    return this.#count + this.#previousCount;
  }

  /** Upper bound of the quantile's bucket, in milliseconds. */
  get valueMs(): number {
    this.#valueMs ??= this.#compute();
    return this.#valueMs;
  }

  record(ms: number): void {
    const at = Math.ceil(Math.log2(Math.max(ms, FIRST_MS) / FIRST_MS) * PER_OCTAVE);
    const bucket = Math.min(BUCKETS - 1, at);
    this.#current[bucket] = (this.#current[bucket] as number) + 1;
    this.#count++;
    if (this.#count % REFRESH === 0) this.#valueMs = undefined;
    if (this.#count < HALF) return;
    [this.#current, this.#previous] = [this.#previous, this.#current];
    this.#current.fill(0);
    this.#previousCount = this.#count;
    this.#count = 0;
  }

  #compute(): number {
    let left = Math.ceil(this.count * this.#quantile);
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= (this.#current[bucket] as number) + (this.#previous[bucket] as number);
      if (left <= 0) return FIRST_MS * 2 ** (bucket / PER_OCTAVE);
    }
    return FIRST_MS * 2 ** (BUCKETS / PER_OCTAVE);
  }
}
