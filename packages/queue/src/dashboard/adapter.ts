import { BaseAdapter } from "@bull-board/api/dist/queueAdapters/base.js";
import type { JobCounts, JobStatus, QueueJob, QueueMetrics, Status } from "@bull-board/api/dist/types.js";
import type { JobState, StoredJob } from "../types.js";
import { currentAccess } from "./access.js";
import type { DashboardQueue } from "./options.js";
import type { Redact } from "./redact.js";
import { readOnly, shownJob } from "./shown-job.js";

/** The board's names of our states. */
const STATES: Readonly<Partial<Record<JobStatus, JobState>>> = {
  active: "active",
  waiting: "waiting",
  delayed: "delayed",
  completed: "completed",
  failed: "dead",
};
const STATUSES: JobStatus[] = ["active", "waiting", "delayed", "completed", "failed"];

/** Jobs that one view walks, and completed jobs that are counted: the board pages by number, a store by cursor. */
const MAX_JOBS = 500;
const PAGE = 100;
/** Tenants of one sender whose jobs are read for a view. */
const MAX_TENANTS = 20;

/**
 * A queue as bull-board shows it: with the jobs that wait in the lines of their tenants, and only the jobs of tenants that the
 * sender of the request may see. It changes nothing.
 */
export class QueueAdapter extends BaseAdapter {
  readonly #queue: DashboardQueue;
  readonly #redact: Redact;

  constructor(queue: DashboardQueue, redact: Redact) {
    super("bullmq", { readOnlyMode: true });
    this.#queue = queue;
    this.#redact = redact;
  }

  override getName(): string {
    return this.#queue.name;
  }

  override getStatuses(): Status[] {
    return ["latest", ...STATUSES];
  }

  override getJobStatuses(): JobStatus[] {
    return STATUSES;
  }

  override async getJobCounts(): Promise<JobCounts> {
    const [{ waiting, delayed, active, dead }, completed] = await Promise.all([
      this.#counts(),
      this.#read("completed", MAX_JOBS),
    ]);
    return { waiting, delayed, active, failed: dead, completed: completed.length };
  }

  async #counts() {
    const { tenants } = currentAccess();
    if (tenants === "all") return this.#queue.counts();
    const stats = await Promise.all(tenants.slice(0, MAX_TENANTS).map((tenant) => this.#queue.tenants.stats(tenant)));
    const sum = (key: "waiting" | "delayed" | "active" | "dead"): number =>
      stats.reduce((total, one) => total + one[key], 0);
    return { waiting: sum("waiting"), delayed: sum("delayed"), active: sum("active"), dead: sum("dead") };
  }

  override async getJobs(statuses: JobStatus[], start = 0, end = 20): Promise<QueueJob[]> {
    const states = statuses.flatMap((status) => STATES[status] ?? []);
    const found = await Promise.all(states.map((state) => this.#read(state, Math.min(MAX_JOBS, end + 1))));
    return found.flatMap((jobs) => jobs.slice(start, end + 1)).map((job) => shownJob(job, this.#redact));
  }

  /** The first jobs in a state that the sender may see. */
  async #read(state: JobState, count: number): Promise<StoredJob[]> {
    const { tenants } = currentAccess();
    if (tenants === "all") return this.#pages({ state }, count);
    const found = await Promise.all(
      tenants.slice(0, MAX_TENANTS).map((tenantId) => this.#pages({ state, tenantId }, count)),
    );
    return found.flat().slice(0, count);
  }

  async #pages(query: { readonly state: JobState; readonly tenantId?: string }, count: number): Promise<StoredJob[]> {
    const jobs: StoredJob[] = [];
    let cursor: string | undefined;
    do {
      const limit = Math.min(PAGE, count - jobs.length);
      const page = await this.#queue.list({ ...query, limit, ...(cursor !== undefined && { cursor }) });
      jobs.push(...page.items);
      cursor = page.cursor;
    } while (cursor !== undefined && jobs.length < count);
    return jobs;
  }

  override async getJob(id: string): Promise<QueueJob | undefined> {
    const { tenants } = currentAccess();
    const job = await this.#queue.get(id);
    if (job === undefined || (tenants !== "all" && !tenants.includes(job.tenantId))) return undefined;
    return shownJob(job, this.#redact);
  }

  override async getJobLogs(): Promise<string[]> {
    return [];
  }
  override async getMetrics(): Promise<QueueMetrics> {
    return { meta: { count: 0, prevTS: 0, prevCount: 0 }, data: [], count: 0 };
  }
  override async getRedisInfo(): Promise<null> {
    return null;
  }
  override async isPaused(): Promise<boolean> {
    return false;
  }
  override async getGlobalConcurrency(): Promise<null> {
    return null;
  }
  override async getJobSchedulers(): Promise<[]> {
    return [];
  }
  override async getJobSchedulersCount(): Promise<number> {
    return 0;
  }

  // The gate answers 405 before the board could call one of these.
  override clean: BaseAdapter["clean"] = readOnly;
  override addJob: BaseAdapter["addJob"] = readOnly;
  override pause: BaseAdapter["pause"] = readOnly;
  override resume: BaseAdapter["resume"] = readOnly;
  override empty: BaseAdapter["empty"] = readOnly;
  override obliterate: BaseAdapter["obliterate"] = readOnly;
  override promoteAll: BaseAdapter["promoteAll"] = readOnly;
  override removeJobScheduler: BaseAdapter["removeJobScheduler"] = readOnly;
  override updateJobScheduler: BaseAdapter["updateJobScheduler"] = readOnly;
  override runJobSchedulerNow: BaseAdapter["runJobSchedulerNow"] = readOnly;
  override setGlobalConcurrency: BaseAdapter["setGlobalConcurrency"] = readOnly;
}
