/** About this many recent reads decide whether the next ones use `MGET` or the script. */
const REMEMBERED = 64;

/** The recent reads. A hit counts twice as much as a miss, so that `MGET` comes back soon after a cold start. */
export class RecentReads {
  /** Mean length of the values. */
  meanChars = 0;
  #misses = 0;

  /** True while `MGET` pays: a miss needs the script anyway, and then `MGET` was a wasted round trip. */
  get areMostlyHits(): boolean {
    return this.#misses < REMEMBERED / 2;
  }

  /** @param chars characters of the value, 0 for a miss */
  record(chars: number): void {
    this.#misses = chars > 0 ? Math.max(0, this.#misses - 2) : Math.min(REMEMBERED, this.#misses + 1);
    if (chars > 0) this.meanChars += (chars - this.meanChars) / REMEMBERED;
  }
}
