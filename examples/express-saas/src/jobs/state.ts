import type { Clock } from "@scale/core";
import type { Queue } from "@scale/queue";
import type { OutboxRelay } from "@scale/queue/outbox";
import type { CrmHub } from "../notifications/hub.js";
import type { CrmJobDefinitions } from "./definitions.js";
import { createJobCounts, type JobOutcomes, type JobSecond, percentile95 } from "./job-counts.js";

/** Depth of the queue over all processes. */
export interface QueueDepth {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly dead: number;
  /** Messages of committed transactions that are not yet jobs. */
  readonly outbox: number;
}

export interface TenantJobs {
  readonly tenantId: string;
  readonly waiting: number;
  /** Jobs of the last minute. */
  readonly started: number;
  readonly waitMs: number | null;
}

/** The state of the jobs and streams, as the live page shows it. */
export interface JobsState {
  readonly store: "redis" | "memory";
  /** `undefined` while the store does not answer. */
  readonly depth: QueueDepth | undefined;
  /** The last 60 seconds, oldest first. */
  readonly seconds: readonly JobSecond[];
  /** The tenant with more than a quarter of all jobs of the last minute, if there is one. */
  readonly noisyTenant: string | undefined;
  /** 95th percentile of the last minute, in milliseconds, over all other tenants. */
  readonly quietWaitMs: number | null;
  readonly noisyWaitMs: number | null;
  /** The tenants with the most jobs, at most ten. */
  readonly tenants: readonly TenantJobs[];
  /** By name of the job, since the start of the process. */
  readonly jobs: readonly JobOutcomes[];
  /** Streams of this process, and events of the last minute. */
  readonly streams: {
    readonly connections: number;
    readonly tenants: number;
    readonly published: number;
    readonly resets: number;
  };
}

export interface JobsStateOptions {
  readonly store: JobsState["store"];
  readonly queue: Queue<CrmJobDefinitions>;
  readonly relay: OutboxRelay;
  readonly hub: CrmHub;
  readonly clock: Clock;
}

export interface JobsStateReader {
  read(): JobsState;
  /** Unsubscribes. */
  stop(): void;
}

const POLL_MS = 1000;
const SHOWN_TENANTS = 10;
/** Jobs of a minute below which no tenant is noisy. */
const MIN_JOBS = 20;

/** Reads the state: events of this process are counted as they come, the store is asked once a second while the state is read. */
export function createJobsState({ store, queue, relay, hub, clock }: JobsStateOptions): JobsStateReader {
  const counts = createJobCounts(queue.name, clock);
  let depth: QueueDepth | undefined;
  let waiting: ReadonlyMap<string, number> = new Map();
  let pollAt = 0;

  async function poll(): Promise<void> {
    try {
      const [jobs, { items }, outbox] = await Promise.all([
        queue.counts(),
        queue.tenants.list({ limit: 200 }),
        relay.status(),
      ]);
      const pending = Object.values(outbox).reduce((sum, kind) => sum + kind.pending, 0);
      depth = { ...jobs, outbox: pending };
      waiting = new Map(items.map((tenant) => [tenant.tenantId, tenant.waiting]));
      counts.recordWaiting(jobs.waiting);
    } catch {
      // The packages publish what failed; the page shows that there is no answer.
      depth = undefined;
    }
  }

  return {
    read() {
      if (clock.monotonic() >= pollAt) {
        pollAt = clock.monotonic() + POLL_MS;
        void poll();
      }
      const { connections, tenants } = hub.stats();
      const minute = counts.minute();
      const all = tenantRows(minute.tenants, waiting);
      const noisyTenant = noisyOf(all);
      const isNoisy = (tenantId: string): boolean => tenantId === noisyTenant;
      const isQuiet = (tenantId: string): boolean => tenantId !== noisyTenant;
      return {
        ...{ store, depth, noisyTenant, jobs: counts.jobs() },
        seconds: counts.seconds(isNoisy),
        quietWaitMs: percentile95(minute.waits(isQuiet)),
        noisyWaitMs: percentile95(minute.waits(isNoisy)),
        tenants: all.slice(0, SHOWN_TENANTS),
        streams: { connections, tenants, published: minute.published, resets: minute.resets },
      };
    },
    stop: () => counts.stop(),
  };
}

/** Tenants with jobs, the most first. */
function tenantRows(
  minute: ReadonlyMap<string, { readonly started: number; readonly waits: readonly number[] }>,
  waiting: ReadonlyMap<string, number>,
): TenantJobs[] {
  const ids = new Set([...minute.keys(), ...waiting.keys()]);
  return [...ids]
    .map((tenantId) => {
      const { started = 0, waits = [] } = minute.get(tenantId) ?? {};
      return { tenantId, started, waiting: waiting.get(tenantId) ?? 0, waitMs: percentile95(waits) };
    })
    .sort((a, b) => jobsOf(b) - jobsOf(a));
}

const jobsOf = ({ started, waiting }: TenantJobs): number => started + waiting;

function noisyOf(tenants: readonly TenantJobs[]): string | undefined {
  const [first] = tenants;
  const all = tenants.reduce((sum, tenant) => sum + jobsOf(tenant), 0);
  return first !== undefined && all >= MIN_JOBS && jobsOf(first) > all / 4 ? first.tenantId : undefined;
}
