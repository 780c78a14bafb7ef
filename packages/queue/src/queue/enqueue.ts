import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { TenantBacklogFull } from "../errors.js";
import { jobEnqueue, jobRefuse } from "../events.js";
import type { Jobs } from "../jobs/types.js";
import type { AddOutcome, NewJob, OutboxJob } from "../store.js";
import { type PrepareContext, prepareJob, type PrepareRequest } from "./prepare.js";
import type { ShareOf } from "./shares.js";
import type { Enqueuing } from "./types.js";

/** Stores prepared jobs, and returns one outcome for each. */
export type AddJobs = (jobs: readonly OutboxJob[]) => Promise<readonly AddOutcome[]>;

/** Jobs of one `enqueueMany`, and the bytes of all their payloads: what one call of the store has to carry. */
const MAX_JOBS = 1000;
const MAX_TOTAL_BYTES = 32 * 1024 ** 2;

/** Builds `enqueue` and `enqueueMany` over a way to store jobs. */
export function createEnqueuing<J extends Jobs>(context: PrepareContext, add: AddJobs): Enqueuing<J> {
  return {
    async enqueue(name, data, options = {}) {
      const job = await prepareJob(context, { ...options, name, data });
      const [outcome] = await add([job]);
      if (outcome?.kind === "backlog-full") {
        const { backlog, maxBacklog } = outcome;
        throw new TenantBacklogFull({ tenantId: job.tenantId, backlog, maxBacklog });
      }
      return { id: outcome?.id ?? job.id, deduplicated: outcome?.kind === "deduplicated" };
    },
    enqueueMany: (requests) => enqueueRequests(context, add, requests),
  };
}

/** Checks all requests, and then stores all. */
export async function enqueueRequests(
  context: PrepareContext,
  add: AddJobs,
  requests: readonly PrepareRequest[],
): Promise<readonly AddOutcome[]> {
  if (!Array.isArray(requests) || requests.length > MAX_JOBS) {
    const got = Array.isArray(requests) ? `${requests.length} jobs` : describeValue(requests);
    throw new InputError(`enqueueMany: expected an array of up to ${MAX_JOBS} jobs, got ${got}`);
  }
  if (requests.length === 0) return [];
  const jobs = await Promise.all(requests.map((request) => prepareJob(context, request)));
  const bytes = jobs.reduce((sum, { payload }) => sum + payload.length, 0);
  if (bytes > MAX_TOTAL_BYTES) {
    throw new InputError(`enqueueMany: expected up to ${MAX_TOTAL_BYTES} bytes of data in all, got ${bytes}`);
  }
  return add(jobs);
}

/** Adds the share of each job's tenant, looked up once for each tenant. */
export async function withShares(shareOf: ShareOf, jobs: readonly OutboxJob[]): Promise<NewJob[]> {
  const [only] = jobs;
  if (only !== undefined && jobs.length === 1) return [{ ...only, share: await shareOf(only.tenantId) }];
  const found = new Map<string, ReturnType<ShareOf>>();
  const knownOf = (tenantId: string): ReturnType<ShareOf> => {
    const share = found.get(tenantId) ?? shareOf(tenantId);
    found.set(tenantId, share);
    return share;
  };
  return Promise.all(jobs.map(async (job) => ({ ...job, share: await knownOf(job.tenantId) })));
}

export function publishOutcomes(
  queue: string,
  jobs: readonly OutboxJob[],
  outcomes: readonly AddOutcome[],
): readonly AddOutcome[] {
  for (const [index, { tenantId, name: job }] of jobs.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) continue;
    if (outcome.kind === "backlog-full") {
      jobRefuse.publish(() => ({ tenantId, queue, job, reason: "backlog-full", backlog: outcome.backlog }));
    } else {
      const { id, kind } = outcome;
      jobEnqueue.publish(() => ({ tenantId, queue, job, id, deduplicated: kind === "deduplicated" }));
    }
  }
  return outcomes;
}
