import { type HashPrefix, hashPrefix, murmur3 } from "./murmur3.js";

/** Buckets of one percent: one for each 0.001 %. */
export const BUCKETS_PER_PERCENT = 1000;

/**
 * Bucket of a subject, 0 to 99,999. A share of p percent takes the buckets below 1,000 p, so that a growing share loses no
 * subject. The hundreds come from `hash % 100`, the number that Unleash compares: at every whole percentage the same
 * subjects are in. The digits below come from the rest of the hash.
 * @param salt hash state of the salt and a colon, from `saltPrefix`
 */
export function bucketOf(salt: HashPrefix, key: string): number {
  const hash = murmur3(salt, key) >>> 0;
  // `>>> 0` keeps the numbers integers for the engine, where `Math.floor` would make it divide fractions.
  return (hash % 100) * BUCKETS_PER_PERCENT + (((hash / 100) >>> 0) % BUCKETS_PER_PERCENT);
}

/** Hash state for the percentage of one salt. Two flags with different salts pick different subjects. */
export const saltPrefix = (salt: string): HashPrefix => hashPrefix(`${salt}:`);

/** Seed of the choice of variants, so that it does not depend on the percentage. */
const VARIANT_SEED = 86_028_157;

/** Hash state for one variant of one salt. */
export const variantPrefix = (salt: string, variant: string): HashPrefix =>
  hashPrefix(`${salt}:${variant}:`, VARIANT_SEED);

/**
 * Index of a subject's variant. Each variant draws a cost that falls with its weight, and the least cost wins. So each gets its
 * share of the weights, and a new variant takes subjects from the others without moving any between them.
 * Source: weighted rendezvous hashing, Schindelhauer and Schomaker, 2005
 */
export function variantIndex(
  variants: readonly { readonly prefix: HashPrefix; readonly weight: number }[],
  key: string,
): number {
  let index = 0;
  let least = Infinity;
  for (let i = 0; i < variants.length; i++) {
    const { prefix, weight } = variants[i] as (typeof variants)[number];
    // 0 < share < 1
    const share = ((murmur3(prefix, key) >>> 0) + 0.5) / 4_294_967_296;
    const cost = -Math.log(share) / weight;
    if (cost < least) {
      least = cost;
      index = i;
    }
  }
  return index;
}
