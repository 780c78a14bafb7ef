/** About this many recent reads decide whether the next ones use `MGET` or the script. */
const REMEMBERED = 64;

export interface RecentReads {
  /** True while `MGET` pays: a miss needs the script anyway, and then `MGET` was a wasted round trip. */
  isMostlyHits(): boolean;
  /** Mean length of the values that were read recently. */
  meanChars(): number;
  /** @param chars characters of the value, 0 for a miss */
  record(chars: number): void;
}

/** A hit counts twice as much as a miss, so that `MGET` comes back soon after a cold start. */
export function createRecentReads(): RecentReads {
  let misses = 0;
  let meanChars = 0;
  return {
    isMostlyHits: (): boolean => misses < REMEMBERED / 2,
    meanChars: (): number => meanChars,
    record(chars: number): void {
      misses = chars > 0 ? Math.max(0, misses - 2) : Math.min(REMEMBERED, misses + 1);
      if (chars > 0) meanChars += (chars - meanChars) / REMEMBERED;
    },
  };
}
