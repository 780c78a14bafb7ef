import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { WorkerDraining } from "../errors.js";
import { jobFinish, jobStart, storeFail, workerDrain } from "../events.js";
import { findJob } from "../jobs/define.js";
import type { Jobs } from "../jobs/types.js";
import type { Queue } from "../queue/types.js";
import type { Consumer, JobHandler, LeasedJob, Settlement, SettleOutcome } from "../store.js";
import type { StoredJob } from "../types.js";
import { type AnyHandler, Attempt, type AttemptOptions } from "./attempt.js";
import { Drain } from "./drain.js";
import { parseHandlers, parseWorkerOptions } from "./options.js";
import { settleUnknown, settleWithoutRun, type Verdict } from "./settle.js";
import { Timeouts } from "./timeouts.js";
import type { DrainReport, Handlers, Worker, WorkerOptions } from "./types.js";

/**
 * Starts to run the jobs of a queue in this process.
 * @throws {ConfigError} for a wrong option, and for a job without a handler
 */
export function createWorker<J extends Jobs>(
  queue: Queue<J>,
  handlers: Handlers<J>,
  options: WorkerOptions = {},
): Worker {
  return new QueueWorker(queue, parseHandlers(queue.jobs, handlers), options);
}

/** The parts of a queue that a worker needs, without the types of its jobs. */
type QueueOfWorker = Pick<Queue, "name" | "jobs" | "stored" | "trace" | "maxPayloadBytes">;

class QueueWorker implements Worker {
  readonly #queue: QueueOfWorker;
  readonly #handlers: ReadonlyMap<string, AnyHandler>;
  readonly #attemptOptions: AttemptOptions;
  readonly #consumer: Consumer;
  readonly #attempts = new Set<Attempt>();
  readonly #drained = { finished: 0, handedBack: 0, abandoned: 0 };
  #onIdle: () => void = () => undefined;
  #drain: Drain | undefined;

  constructor(queue: QueueOfWorker, handlers: ReadonlyMap<string, AnyHandler>, options: WorkerOptions) {
    const { concurrency, leaseMs, random } = parseWorkerOptions(options);
    const { name, stored, trace, maxPayloadBytes } = queue;
    this.#queue = queue;
    this.#handlers = handlers;
    const { clock } = stored;
    this.#attemptOptions = { queue: name, clock, timeouts: new Timeouts(clock), random, trace, maxPayloadBytes };
    const handler: JobHandler = {
      run: (lease) => this.#run(lease),
      settled: (job, settlement, outcome) => publishFinish(name, job, { settlement, outcome }),
      failed: (error) => this.#failed(error),
    };
    this.#consumer = stored.consume(handler, { concurrency, leaseMs });
  }

  get running(): number {
    return this.#attempts.size;
  }

  ready(): Promise<void> {
    return this.#consumer.ready();
  }

  async drain({ deadlineMs }: { readonly deadlineMs: number }): Promise<DrainReport> {
    if (typeof deadlineMs !== "number" || !(deadlineMs >= 0)) {
      throw new InputError(`drain: deadlineMs: expected a number >= 0, got ${describeValue(deadlineMs)}`);
    }
    if (this.#drain === undefined) {
      this.#drain = this.#startDrain();
      void this.#drain.done.then((report) => workerDrain.publish(() => ({ queue: this.#queue.name, ...report })));
    }
    this.#drain.limit(deadlineMs);
    return this.#drain.done;
  }

  #startDrain(): Drain {
    return new Drain({
      clock: this.#queue.stored.clock,
      consumer: this.#consumer,
      idle: () =>
        new Promise((resolve) => {
          this.#onIdle = resolve;
          if (this.#attempts.size === 0) resolve();
        }),
      abortAll: (graceMs) => {
        const reason = new WorkerDraining();
        for (const attempt of this.#attempts) attempt.abort(reason, graceMs);
      },
      counts: () => this.#drained,
      failed: (error) => this.#failed(error),
    });
  }

  async #run(lease: LeasedJob): Promise<Settlement> {
    const { clock } = this.#queue.stored;
    const startedMs = clock.monotonic();
    const verdict = await this.#decide(lease);
    if (this.#drain !== undefined) this.#drained[verdict.kind === "handed-back" ? "handedBack" : "finished"] += 1;
    return { ...verdict, usedMs: clock.monotonic() - startedMs };
  }

  #decide({ job, lease }: LeasedJob): Verdict | Promise<Verdict> {
    const { jobs, stored } = this.#queue;
    if (this.#drain !== undefined) return { kind: "handed-back" };
    const nowMs = stored.clock.now();
    const early = settleWithoutRun(job, nowMs);
    if (early !== undefined) return early;
    const definition = findJob(jobs, job.name);
    const handler = this.#handlers.get(job.name);
    if (definition === undefined || handler === undefined) {
      return settleUnknown(job, nowMs, `expected a job of the queue, got ${describeValue(job.name)}`);
    }
    publishStart(this.#queue.name, job, nowMs);
    const attempt = new Attempt(this.#attemptOptions, job, definition);
    lease.onAbort((reason) => attempt.abort(reason));
    return this.#attempt(attempt, handler);
  }

  async #attempt(attempt: Attempt, handler: AnyHandler): Promise<Verdict> {
    this.#attempts.add(attempt);
    const verdict = await attempt.run(handler);
    this.#attempts.delete(attempt);
    if (attempt.isAbandoned && this.#drain !== undefined) this.#drained.abandoned += 1;
    if (this.#attempts.size === 0) this.#onIdle();
    return verdict;
  }

  #failed(error: unknown): void {
    storeFail.publish(() => ({ tenantId: undefined, queue: this.#queue.name, operation: "consume", error }));
  }
}

function publishStart(queue: string, job: StoredJob, nowMs: number): void {
  const { tenantId, name, id, attemptsMade, dueAtMs, runAtMs, enqueuedAtMs } = job;
  const waitMs = Math.max(0, nowMs - (dueAtMs ?? runAtMs ?? enqueuedAtMs));
  jobStart.publish(() => ({ tenantId, queue, job: name, id, attempt: attemptsMade + 1, waitMs }));
}

interface Settled {
  readonly settlement: Settlement;
  readonly outcome: SettleOutcome;
}

function publishFinish(queue: string, job: StoredJob, { settlement, outcome }: Settled): void {
  jobFinish.publish(() => ({
    tenantId: job.tenantId,
    queue,
    job: job.name,
    id: job.id,
    attempt: job.attemptsMade + 1,
    outcome: outcome === "applied" ? settlement.kind : outcome === "failed" ? "unsettled" : outcome,
    ms: settlement.usedMs,
    ...(settlement.kind === "dead" && { reason: settlement.reason }),
    ...((settlement.kind === "dead" || settlement.kind === "retry") && { failure: settlement.failure }),
  }));
}
