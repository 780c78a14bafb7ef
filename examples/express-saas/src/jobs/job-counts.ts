import type { Clock } from "@scale/core";
import { jobFinish, jobStart } from "@scale/queue";
import { eventPublish, historyReset } from "@scale/realtime";

export interface JobSecond {
  readonly started: number;
  readonly finished: number;
  readonly failed: number;
  /** Waiting jobs at the last look in this second. */
  readonly waiting: number;
  /** 95th percentile of the time between due and start in milliseconds; `null` without a job. */
  readonly quietWaitMs: number | null;
  readonly noisyWaitMs: number | null;
}

/** Outcomes of the jobs of one name. */
export interface JobOutcomes {
  readonly job: string;
  readonly finished: number;
  readonly failed: number;
  readonly retried: number;
}

interface TenantSecond {
  started: number;
  readonly waits: number[];
}

interface Second {
  readonly at: number;
  finished: number;
  failed: number;
  waiting: number;
  published: number;
  resets: number;
  readonly tenants: Map<string, TenantSecond>;
}

/** Jobs and events of the last minute. */
export interface Minute {
  readonly tenants: ReadonlyMap<string, { readonly started: number; readonly waits: readonly number[] }>;
  readonly published: number;
  readonly resets: number;
  waits(includes: (tenantId: string) => boolean): readonly number[];
}

export interface JobCounts {
  recordWaiting(waiting: number): void;
  minute(): Minute;
  seconds(isNoisy: (tenantId: string) => boolean): readonly JobSecond[];
  jobs(): readonly JobOutcomes[];
  stop(): void;
}

const SECONDS = 60;
/** Waiting times that are kept of a tenant in a second. */
const SAMPLES = 20;

/** Counts the events of one queue and of the hub by second, for the last minute. */
export function createJobCounts(queue: string, clock: Clock): JobCounts {
  const kept: Second[] = [];
  const jobs = new Map<string, { finished: number; failed: number; retried: number }>();
  const secondNow = (): number => Math.floor(clock.monotonic() / 1000);

  function current(): Second {
    const at = secondNow();
    const last = kept.at(-1);
    if (last?.at === at) return last;
    const second = {
      at,
      finished: 0,
      failed: 0,
      waiting: last?.waiting ?? 0,
      published: 0,
      resets: 0,
      tenants: new Map(),
    };
    kept.push(second);
    while (kept.length > SECONDS) kept.shift();
    return second;
  }

  function recent(): readonly Second[] {
    const from = secondNow() - SECONDS;
    return kept.filter(({ at }) => at > from);
  }

  const stops = [
    jobStart.subscribe(({ queue: name, tenantId, waitMs }) => {
      if (name !== queue) return;
      const { tenants } = current();
      const tenant = tenants.get(tenantId) ?? { started: 0, waits: [] };
      tenants.set(tenantId, tenant);
      tenant.started++;
      if (tenant.waits.length < SAMPLES) tenant.waits.push(waitMs);
    }),
    jobFinish.subscribe(({ queue: name, job, outcome }) => {
      if (name !== queue) return;
      const of = jobs.get(job) ?? { finished: 0, failed: 0, retried: 0 };
      jobs.set(job, of);
      if (outcome === "completed") of.finished++;
      else if (outcome === "dead") of.failed++;
      else if (outcome === "retry") of.retried++;
      if (outcome === "completed") current().finished++;
      else if (outcome === "dead") current().failed++;
    }),
    eventPublish.subscribe(() => void current().published++),
    historyReset.subscribe(() => void current().resets++),
  ];

  return {
    recordWaiting: (waiting) => void (current().waiting = waiting),
    minute: () => minuteOf(recent()),
    seconds: (isNoisy) => recent().map((second) => shownSecond(second, isNoisy)),
    jobs: () => [...jobs].map(([job, counted]) => ({ job, ...counted })),
    stop() {
      for (const stop of stops) stop();
    },
  };
}

function minuteOf(seconds: readonly Second[]): Minute {
  const tenants = new Map<string, { started: number; waits: number[] }>();
  let [published, resets] = [0, 0];
  for (const second of seconds) {
    published += second.published;
    resets += second.resets;
    for (const [tenantId, { started, waits }] of second.tenants) {
      const sum = tenants.get(tenantId) ?? { started: 0, waits: [] };
      tenants.set(tenantId, sum);
      sum.started += started;
      sum.waits.push(...waits);
    }
  }
  return { tenants, published, resets, waits: (includes) => waitsOf(tenants, includes) };
}

function shownSecond(
  { finished, failed, waiting, tenants }: Second,
  isNoisy: (tenantId: string) => boolean,
): JobSecond {
  const started = [...tenants.values()].reduce((sum, tenant) => sum + tenant.started, 0);
  return {
    ...{ started, finished, failed, waiting },
    quietWaitMs: percentile95(waitsOf(tenants, (tenantId) => !isNoisy(tenantId))),
    noisyWaitMs: percentile95(waitsOf(tenants, isNoisy)),
  };
}

const waitsOf = (
  tenants: ReadonlyMap<string, { readonly waits: readonly number[] }>,
  includes: (tenantId: string) => boolean,
): number[] => [...tenants].flatMap(([tenantId, { waits }]) => (includes(tenantId) ? waits : []));

/** `null` for an empty list. */
export function percentile95(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
}
