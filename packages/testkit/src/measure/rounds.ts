/** One call of the code to measure. A variant returns a promise always, which is awaited, or never. */
export type Variant = () => unknown;

/** How much of a variant one round runs. */
export interface RoundPlan {
  /** Takes the place of `durationMs`. */
  iterations: number | undefined;
  durationMs: number;
  concurrency: number;
}

export interface Round {
  ops: number;
  wallMs: number;
  cpuMicros: number;
  /** Median of the times of this round's calls. */
  p50Ms: number;
}

/** A variant, how it is to be timed, and the times of its calls so far. */
export interface Subject {
  readonly call: Variant;
  readonly isAsync: boolean;
  /** Calls between two readings of the clock. */
  batch: number;
  timesMs: number[];
}

/** A reading of the clock costs tens of nanoseconds: less than a hundredth of this. */
const MIN_TIMED_MS = 0.01;
const MAX_BATCH = 1 << 20;

export async function subjectOf(call: Variant): Promise<Subject> {
  const first = call();
  const isAsync = typeof first === "object" && first !== null && "then" in first;
  await first;
  const subject: Subject = { call, isAsync, batch: 1, timesMs: [] };
  calibrate(subject);
  return subject;
}

/** Finds the batch that takes long enough to be timed. Repeat it when the engine has optimised the code. */
export function calibrate(subject: Subject): void {
  if (subject.isAsync) return;
  for (subject.batch = 1; subject.batch < MAX_BATCH; subject.batch *= 2) {
    if (timeBatch(subject, subject.batch) >= MIN_TIMED_MS) return;
  }
}

/** Runs one round and adds to the subject's times. */
export async function measureRound(subject: Subject, plan: RoundPlan): Promise<Round> {
  const earlier = subject.timesMs.length;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const ops = subject.isAsync ? await asyncRound(subject, plan) : syncRound(subject, plan);
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const [p50Ms = Number.NaN] = percentiles(subject.timesMs.slice(earlier), [0.5]);
  return { ops, wallMs, cpuMicros: user + system, p50Ms };
}

function syncRound(subject: Subject, { iterations, durationMs }: RoundPlan): number {
  const limit = iterations ?? Number.POSITIVE_INFINITY;
  const end = iterations === undefined ? performance.now() + durationMs : Number.POSITIVE_INFINITY;
  let ops = 0;
  while (ops < limit && performance.now() < end) {
    const batch = Math.min(subject.batch, limit - ops);
    subject.timesMs.push(timeBatch(subject, batch) / batch);
    ops += batch;
  }
  return ops;
}

function timeBatch({ call }: Subject, batch: number): number {
  const start = performance.now();
  for (let i = 0; i < batch; i++) call();
  return performance.now() - start;
}

/** A closed loop: each of the workers makes its next call when its last has settled. */
async function asyncRound(subject: Subject, { iterations, durationMs, concurrency }: RoundPlan): Promise<number> {
  const limit = iterations ?? Number.POSITIVE_INFINITY;
  const end = iterations === undefined ? performance.now() + durationMs : Number.POSITIVE_INFINITY;
  let started = 0;
  let failed = false;
  async function worker(): Promise<void> {
    for (let now = performance.now(); started < limit && now < end && !failed; ) {
      started++;
      try {
        await subject.call();
      } catch (error) {
        failed = true;
        throw error;
      }
      const before = now;
      now = performance.now();
      subject.timesMs.push(now - before);
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: concurrency }, worker));
  for (const outcome of workers) if (outcome.status === "rejected") throw outcome.reason;
  return started;
}

/** Percentiles by nearest rank. */
export function percentiles(values: readonly number[], ranks: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return ranks.map((rank) => sorted[Math.max(0, Math.ceil(rank * sorted.length) - 1)] ?? Number.NaN);
}
