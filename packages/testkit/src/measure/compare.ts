import {
  calibrate,
  measureRound,
  type Round,
  percentiles,
  type RoundPlan,
  type Subject,
  subjectOf,
  type Variant,
} from "./rounds.js";

export type { Variant } from "./rounds.js";

export interface CompareOptions {
  /** Each variant runs once in every round. @default 21 */
  rounds?: number;
  /** Calls of each variant in a round; takes the place of `durationMs`. */
  iterations?: number;
  /** Time for each variant in a round. @default 50 */
  durationMs?: number;
  /** Rounds before those that count. @default 2 */
  warmup?: number;
  /** Calls in flight at once (closed loop); only for variants that return promises. @default 1 */
  concurrency?: number;
}

/** The figures of one variant. */
export interface Side {
  /** Median over the rounds. */
  opsPerSecond: number;
  /** Time of one call. Calls of a synchronous variant are timed in batches of at least 10 µs: then of the batches' means. */
  p50Ms: number;
  p99Ms: number;
  /** CPU time (user and system) of this process for each call, over all rounds. */
  cpuMicrosPerOp: number;
}

export interface Comparison {
  /**
   * Time for an operation of `b` over that of `a`, the median of the rounds' ratios: 1.3 says that `b` takes 30 % longer.
   * The time is that of the round over its operations: with `concurrency` it is the inverse of the throughput.
   */
  ratio: number;
  /** 10th and 90th percentile of the rounds' ratios. */
  spread: readonly [p10: number, p90: number];
  a: Side;
  b: Side;
}

export interface Measured extends Side {
  /** As in `Comparison`, to the baseline. */
  ratio: number;
  spread: readonly [p10: number, p90: number];
  /** The round's p50 over that of the baseline, the median of the rounds. */
  p50Ratio: number;
}

/**
 * Measures two variants side by side, A/B and B/A in turn, so that a busy moment of the machine slows both.
 * Rejects with the error of a variant.
 */
export async function compare(a: Variant, b: Variant, options: CompareOptions = {}): Promise<Comparison> {
  const measured = await compareAll({ a, b }, options);
  const { ratio, spread, p50Ratio: _p50, ...sideB } = measured.b;
  const { ratio: _one, spread: _ones, p50Ratio: _same, ...sideA } = measured.a;
  return { ratio, spread, a: sideA, b: sideB };
}

/**
 * Measures any number of variants side by side, in an order that changes from round to round.
 * @param options `baseline` is the variant to which the ratios are taken, by default the first
 */
export async function compareAll<Name extends string>(
  variants: Readonly<Record<Name, Variant>>,
  options: CompareOptions & { baseline?: NoInfer<Name> } = {},
): Promise<Record<Name, Measured>> {
  const { rounds = 21, iterations, durationMs = 50, warmup = 2, concurrency = 1 } = options;
  const plan: RoundPlan = { iterations, durationMs, concurrency };
  const names = Object.keys(variants) as Name[];
  const base = options.baseline === undefined ? 0 : names.indexOf(options.baseline);
  const subjects: Subject[] = [];
  for (const name of names) subjects.push(await subjectOf(variants[name]));

  for (let round = 0; round < warmup; round++) await runRound(subjects, plan, round);
  for (const subject of subjects) {
    subject.timesMs = [];
    calibrate(subject);
  }
  const results: Round[][] = [];
  for (let round = 0; round < rounds; round++) results.push(await runRound(subjects, plan, round));

  const measured = subjects.map((subject, i) => summary(subject, results, { at: i, base }));
  return Object.fromEntries(names.map((name, i) => [name, measured[i]])) as Record<Name, Measured>;
}

/** Runs each variant once. @returns one round per subject, in the order of the subjects */
async function runRound(subjects: readonly Subject[], plan: RoundPlan, round: number): Promise<Round[]> {
  const results: Round[] = [];
  for (const at of order(subjects.length, round)) {
    const subject = subjects[at];
    if (subject) results[at] = await measureRound(subject, plan);
  }
  return results;
}

/**
 * The order of a round. Each variant comes first as often as any other. Every other cycle runs backwards, so that each comes
 * after its neighbour as often as before it.
 * @internal
 */
export function order(count: number, round: number): number[] {
  const turned = Array.from({ length: count }, (_, i) => (i + round) % count);
  return Math.floor(round / count) % 2 === 0 ? turned : turned.toReversed();
}

function summary(subject: Subject, results: readonly Round[][], { at, base }: { at: number; base: number }): Measured {
  const own = results.flatMap((round) => round[at] ?? []);
  const msPerOp = (round: Round | undefined): number => (round ? round.wallMs / round.ops : Number.NaN);
  const ratios = results.map((round) => msPerOp(round[at]) / msPerOp(round[base]));
  const p50Ratios = results.map((round) => (round[at]?.p50Ms ?? Number.NaN) / (round[base]?.p50Ms ?? Number.NaN));
  const [p50Ratio = Number.NaN] = percentiles(p50Ratios, [0.5]);
  const [p50Ms = Number.NaN, p99Ms = Number.NaN] = percentiles(subject.timesMs, [0.5, 0.99]);
  const [p10 = Number.NaN, ratio = Number.NaN, p90 = Number.NaN] = percentiles(ratios, [0.1, 0.5, 0.9]);
  const [opsPerSecond = Number.NaN] = percentiles(
    own.map((round) => (round.ops / round.wallMs) * 1000),
    [0.5],
  );
  const sum = (of: (round: Round) => number): number => own.reduce((total, round) => total + of(round), 0);
  const cpuMicrosPerOp = sum((round) => round.cpuMicros) / sum((round) => round.ops);
  return { opsPerSecond, p50Ms, p99Ms, cpuMicrosPerOp, ratio, spread: [p10, p90], p50Ratio };
}
