import type { PrepareRequest } from "../queue/prepare.js";
import type { StoreCalls } from "../queue/store-calls.js";
import type { AddOutcome, StoredQueue } from "../store.js";
import type { Cron } from "./cron.js";

/** The parts of a queue that its schedules use. */
export interface ScheduleContext {
  readonly queue: string;
  readonly stored: StoredQueue;
  readonly call: StoreCalls;
  readonly enqueueMany: (requests: readonly PrepareRequest[]) => Promise<readonly AddOutcome[]>;
  /** True for the name of a job of the queue. */
  readonly hasJob: (name: string) => boolean;
}

/** A schedule with its options checked. */
export interface ParsedSchedule {
  readonly name: string;
  readonly cron: Cron;
  readonly job: string;
  readonly data: unknown;
  readonly tenants: TenantSource;
  readonly spreadMs: number;
  readonly catchUpMs: number;
}

export type TenantSource = Iterable<string> | AsyncIterable<string> | (() => unknown);
