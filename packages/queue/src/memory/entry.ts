import type { NewJob } from "../store.js";
import type { DeadReason, JobFailure, JobRecord, JobState, StoredJob } from "../types.js";
import type { ListNode } from "./linked-list.js";

/** A job in memory. Its state and its places in the lists change only in `JobIndex`. */
export interface Entry {
  record: JobRecord;
  state: JobState;
  attemptsMade: number;
  crashes: number;
  dueAtMs: number | undefined;
  /** Wall time since which it has been waiting. */
  readySinceMs: number;
  startedAtMs: number | undefined;
  finishedAtMs: number | undefined;
  output: string | undefined;
  failure: JobFailure | undefined;
  deadReason: DeadReason | undefined;
  /** A cancel that came while it ran. */
  isCancelled: boolean;
  /** Its tenant was purged while it ran: nothing is kept of it. */
  isPurged: boolean;
  /** The run that may settle it; `undefined` while it does not run. */
  lease: object | undefined;
  readonly idempotencyKey: string | undefined;
  inQueue: ListNode<Entry> | undefined;
  inTenant: ListNode<Entry> | undefined;
}

export function createEntry(job: NewJob, idempotencyKey: string | undefined): Entry {
  const { share: _share, idempotency: _idempotency, ...record } = job;
  return {
    record,
    state: "waiting",
    ...{ attemptsMade: 0, crashes: 0, readySinceMs: 0, isCancelled: false, isPurged: false, idempotencyKey },
    ...{ dueAtMs: undefined, startedAtMs: undefined, finishedAtMs: undefined, output: undefined, failure: undefined },
    ...{ deadReason: undefined, lease: undefined, inQueue: undefined, inTenant: undefined },
  };
}

/** A copy that later changes of the job do not reach. */
export function snapshot(entry: Entry): StoredJob {
  const { record, state, attemptsMade, crashes, dueAtMs, startedAtMs, finishedAtMs, output, failure, deadReason } =
    entry;
  return {
    ...record,
    ...{ state, attemptsMade, crashes },
    ...(dueAtMs !== undefined && { dueAtMs }),
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(finishedAtMs !== undefined && { finishedAtMs }),
    ...(output !== undefined && { output }),
    ...(failure !== undefined && { failure }),
    ...(deadReason !== undefined && { deadReason }),
  };
}
