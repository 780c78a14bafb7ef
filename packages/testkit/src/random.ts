/**
 * A stream of numbers in [0, 1) that is the same for the same seed, for faults that must be repeatable.
 * Not for secrets. The caller prints the seed of a run that failed.
 * Source: mulberry32, Tommy Ettinger, 2017 (public domain).
 *
 * @param seed an integer; the low 32 bits count
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
