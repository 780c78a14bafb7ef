/** How long values of a definition are used. Milliseconds. */
export interface Lifetimes {
  readonly ttlMs: number;
  /** After `ttlMs`: served at once while it is loaded again. */
  readonly swrMs: number;
  /** After `ttlMs`: served when loading fails or is slow. */
  readonly graceMs: number;
  /** In place of `ttlMs` for `null` and `undefined`. */
  readonly negativeTtlMs: number;
  /** The part of `ttlMs` by which it is shortened at random, so that what was filled together does not end together. */
  readonly jitter: number;
}

export interface Span {
  readonly freshMs: number;
  readonly usableMs: number;
}

/**
 * How long a value that was loaded now is fresh and usable.
 * @param ownTtlMs what the loader said of this value
 * @param random from [0, 1)
 */
export function spanOf(
  times: Lifetimes,
  value: unknown,
  { ownTtlMs, random }: { ownTtlMs?: number | undefined; random: number },
): Span {
  const isNothing = value === undefined || value === null;
  const ttlMs = ownTtlMs ?? (isNothing ? times.negativeTtlMs : times.ttlMs);
  const freshMs = Math.max(1, Math.ceil(ttlMs * (1 - times.jitter * random)));
  // That something is missing is no answer to fall back on.
  return { freshMs, usableMs: isNothing ? freshMs : freshMs + Math.max(times.swrMs, times.graceMs) };
}

/**
 * True when a fresh value should be loaded again already: the likelier, the longer loading takes and the sooner it ends, so
 * that of many processes about one does it in time.
 * Source: Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015.
 * @param random from [0, 1)
 */
export function isEarly(leftMs: number, loadMs: number, { beta, random }: { beta: number; random: number }): boolean {
  return -loadMs * beta * Math.log(1 - random) >= leftMs;
}
