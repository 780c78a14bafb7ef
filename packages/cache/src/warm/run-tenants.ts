import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { CacheContext } from "../coherence/context.js";
import type { TenantStates } from "../coherence/tenant-state.js";
import type { Settings } from "./options.js";
import type { Pace } from "./token-bucket.js";
import type { Reader } from "./async-source.js";
import type { ResumeAt, Trail } from "./checkpoint.js";
import type { Slots } from "./semaphore.js";
import type { Tally } from "./progress.js";
import { Visit } from "./tenant-run.js";

/** One run of warming, and what its parts share. */
export interface Job {
  readonly engine: CacheContext;
  readonly spaces: TenantStates;
  readonly plan: Settings;
  readonly pace: Pace;
  readonly slots: Slots;
  readonly tally: Tally;
  readonly trail: Trail;
  readonly stop: AbortSignal;
  /** Lets others have the process now and then: what is in memory is warmed without waiting for anything. */
  breathe(): Promise<void>;
}

/** Tenants are read one after the other, whoever is to have them. */
interface Line {
  readonly reader: Reader<string>;
  readonly turn: Slots;
  /** Where the run is to begin, until that tenant has come. */
  seek: ResumeAt | undefined;
  /** What reading threw: then nothing more is read. */
  failure?: { readonly error: unknown };
}

/**
 * Warms all tenants, so many at a time as values may be under way: each has at least one.
 * @throws what reading the tenants throws, after all that were read before
 */
export async function runJob(job: Job, line: Line): Promise<void> {
  const work = async (): Promise<void> => {
    for (let visit = await nextVisit(job, line); visit !== undefined; visit = await nextVisit(job, line)) {
      if (!(await visit.run())) return;
      job.tally.done++;
      job.trail.finish(visit);
    }
  };
  await Promise.all(Array.from({ length: job.plan.concurrency }, work));
  if (job.stop.aborted) line.reader.close();
  if (line.failure !== undefined) throw line.failure.error;
}

async function nextVisit(job: Job, line: Line): Promise<Visit | undefined> {
  await line.turn.take();
  try {
    await job.trail.room();
    return await findVisit(job, line);
  } catch (error) {
    line.failure = { error };
  } finally {
    line.turn.give();
  }
  return undefined;
}

/** Passes over tenants that an earlier run has finished. */
async function findVisit(job: Job, line: Line): Promise<Visit | undefined> {
  while (line.failure === undefined) {
    await job.breathe();
    const { items, end } = await line.reader.read(1);
    const [tenantId] = items;
    if (tenantId === undefined) {
      if (end === "over") refuseUnfound(line.seek);
      return undefined;
    }
    const skip = finishedOf(job, line, tenantId);
    if (skip < job.plan.kinds.length) {
      const visit = new Visit(job, tenantId, skip);
      job.trail.begin(visit);
      return visit;
    }
    job.tally.done++;
    job.tally.skipped++;
  }
  return undefined;
}

/** @returns how many entries of the tenant an earlier run has finished */
function finishedOf({ plan }: Job, line: Line, tenantId: string): number {
  const { seek } = line;
  if (seek === undefined) return 0;
  if (seek.tenantId !== tenantId) return plan.kinds.length;
  line.seek = undefined;
  return seek.entries;
}

function refuseUnfound(seek: ResumeAt | undefined): void {
  if (seek === undefined) return;
  throw new InputError(`cache.warm: resume: tenant ${describeValue(seek.tenantId)} is not among the tenants`);
}
