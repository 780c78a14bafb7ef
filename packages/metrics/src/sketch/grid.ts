// The exponential grid of scale 3: eight buckets to each power of two. It is the grid of OpenTelemetry's exponential
// histogram at scale 3 and of Prometheus' native histogram with schema 3, so that counts pass to both unchanged.

/** Bucket `i` counts values in (2^((i - 1) / 8), 2^(i / 8)]. */
export const SCALE = 3;
const PER_OCTAVE = 2 ** SCALE;

/** Upper bounds of the buckets of [1, 2), as Prometheus has them. */
const BOUNDS = Float64Array.of(
  1,
  1.0905077326652577,
  1.189207115002721,
  1.2968395546510096,
  // oxlint-disable-next-line oxc/approx-constant -- twice 2^-0.5 as Prometheus rounds it, which is not Math.SQRT2
  1.414213562373095,
  1.5422108254079407,
  1.6817928305074292,
  1.8340080864093424,
);

// One entry for each value of the first eight bits of a mantissa: the number of bounds below it. No two bounds share an
// entry, so that one comparison completes the look-up.
const CELLS = 256;
const TABLE = Uint8Array.from(
  { length: CELLS },
  (_, cell) => BOUNDS.filter((bound) => bound < 1 + cell / CELLS).length,
);

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
// The word with sign, exponent and the first bits of the mantissa, on machines of either byte order.
double[0] = -0;
const HIGH = words[1] === 0 ? 0 : 1;
const LOW = 1 - HIGH;
const MANTISSA = 0x000fffff;
const EXPONENT_OF_1 = 1023;

const mantissas = [...BOUNDS].map((bound) => {
  double[0] = bound;
  return { high: (words[HIGH] ?? 0) & MANTISSA, low: words[LOW] ?? 0 };
});
// One more, which no mantissa exceeds: the upper bound of the last bucket.
const BOUND_HIGH = Uint32Array.from([...mantissas.map(({ high }) => high), MANTISSA + 1]);
const BOUND_LOW = Uint32Array.from([...mantissas.map(({ low }) => low), 0]);

/**
 * Index of the bucket that counts a value. Exact for every normal double > 0; no logarithm is taken. The words are compared
 * as integers: to put them together again would wait for the memory.
 */
export function bucketOf(value: number): number {
  double[0] = value;
  const word = words[HIGH] as number;
  const high = word & MANTISSA;
  const below = TABLE[high >>> 12] as number;
  const bound = BOUND_HIGH[below] as number;
  const isAbove = high > bound || (high === bound && (words[LOW] as number) > (BOUND_LOW[below] as number));
  return ((word >>> 20) - EXPONENT_OF_1) * PER_OCTAVE + below + (isAbove ? 1 : 0);
}

/** Upper bound of a bucket, which the bucket includes. */
export function upperBound(bucket: number): number {
  const octave = Math.floor(bucket / PER_OCTAVE);
  return (BOUNDS[bucket - octave * PER_OCTAVE] as number) * 2 ** octave;
}

/** The value of a bucket that is at most 4.4 % away from every value that the bucket counts. */
export function middleOf(bucket: number): number {
  const lower = upperBound(bucket - 1);
  const upper = upperBound(bucket);
  return (2 * lower * upper) / (lower + upper);
}
