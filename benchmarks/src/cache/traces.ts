import { seededRandom } from "@scale/testkit";

const SEED = 20_261_120;
/** Number of keys that a trace draws from. Keys that are requested only once have higher numbers. */
export const KEYS = 100_000;

/** A sequence of requested keys. */
export type Trace = Int32Array;

/** Draws ranks 0, 1, 2, … with the frequencies 1, 1/2^s, 1/3^s, … */
export function zipf(exponent: number, keys: number, random: () => number): () => number {
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank++) sums[rank] = sum += 1 / (rank + 1) ** exponent;
  return () => {
    const drawn = random() * sum;
    let low = 0;
    for (let high = keys - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** The popular keys never change. */
export function steady(exponent: number, length: number): Trace {
  const rank = zipf(exponent, KEYS, seededRandom(SEED));
  return Int32Array.from({ length }, rank);
}

/** One request in four is for a key that is never requested again, as by a report, an export or a crawler. */
export function withScan(length: number): Trace {
  const random = seededRandom(SEED + 1);
  const rank = zipf(1, KEYS, random);
  let once = KEYS;
  return Int32Array.from({ length }, () => (random() < 0.25 ? once++ : rank()));
}

/** Every 10,000 requests the popularity of all keys shifts by 2 % of the keys, so that other keys become popular. */
export function jumping(length: number): Trace {
  const rank = zipf(1, KEYS, seededRandom(SEED + 2));
  return Int32Array.from({ length }, (_, i) => (rank() + Math.floor(i / 10_000) * (KEYS / 50)) % KEYS);
}

/** The same shift, one key at a time. */
export function sliding(length: number): Trace {
  const rank = zipf(1, KEYS, seededRandom(SEED + 3));
  return Int32Array.from({ length }, (_, i) => (rank() + Math.floor((i * KEYS) / 50 / 10_000)) % KEYS);
}

/** Every 10,000 requests 2 % of the keys, popular or not, are replaced by new keys. */
export function replacing(length: number): Trace {
  const random = seededRandom(SEED + 4);
  const rank = zipf(1, KEYS, random);
  const keyOf = Int32Array.from({ length: KEYS }, (_, i) => i);
  let fresh = KEYS;
  return Int32Array.from({ length }, (_, i) => {
    if (i % 10_000 === 9_999) {
      for (let n = 0; n < KEYS / 50; n++) keyOf[Math.floor(random() * KEYS)] = fresh++;
    }
    return keyOf[rank()] as number;
  });
}
