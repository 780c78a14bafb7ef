export interface BackOff {
  readonly baseMs: number;
  readonly maxMs: number;
  /** Part of the time that is random: 0.5 gives 50 to 100 % of it. */
  readonly jitter: number;
  readonly maxRetryAfterMs: number;
}

/** Time before jitter of the n-th opening in a row, in milliseconds: it doubles up to `maxMs`. */
export function backOffMs({ baseMs, maxMs }: BackOff, openings: number): number {
  // 2 ** 1100 is Infinity, and the smaller of it and maxMs is maxMs.
  return Math.min(maxMs, baseMs * 2 ** Math.max(0, openings - 1));
}

export interface OpenTime {
  /** Openings in a row, this one included. */
  readonly openings: number;
  /** Milliseconds that the dependency asked for; 0 for none. */
  readonly retryAfterMs: number;
  /** 0 to 1. */
  readonly random: number;
}

/** How long a breaker stays open: the jittered back-off, or longer when the dependency asked for it. */
export function openTimeMs(backOff: BackOff, { openings, retryAfterMs, random }: OpenTime): number {
  const jittered = backOffMs(backOff, openings) * (1 - backOff.jitter * random);
  return Math.max(jittered, Math.min(retryAfterMs, backOff.maxRetryAfterMs));
}
