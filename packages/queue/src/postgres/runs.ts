import { z } from "zod";
import { systemTimerClock } from "../clock.js";
import { JobCancelled, LeaseLost } from "../errors.js";
import { LeaseAbort } from "../lease-abort.js";
import type { JobHandler, Settlement, SettleOutcome } from "../store.js";
import type { StoredJob } from "../types.js";
import type { Argument, FunctionCalls } from "./calls.js";
import { parseJob } from "./rows.js";

export interface RunsOptions {
  readonly call: FunctionCalls;
  readonly handler: JobHandler;
  /** Name of the queue, and id of the consumer. */
  readonly name: string;
  readonly owner: string;
  readonly charge: "count" | "time";
  readonly leaseMs: number;
  /** Number of finished jobs to keep, when that is so low that each settlement removes the others. */
  readonly trimTo: number | undefined;
  /** Called when a run has ended and there is room for another. */
  onEnd(): void;
}

/** A job that runs here. */
interface Run {
  readonly job: StoredJob;
  readonly lease: string;
  readonly abort: LeaseAbort;
  /** Monotonic time at which the lease ends unless it is renewed. */
  endsAtMs: number;
}

const renewedRow = z.object({ lease: z.string(), cancelling: z.boolean() });
const outcomeText: z.ZodType<SettleOutcome> = z.enum(["applied", "cancelled", "lost"]);

/** The jobs that one consumer has leased. */
export class Runs {
  readonly #runs = new Map<string, Run>();
  readonly #settling = new Set<Promise<unknown>>();
  readonly #options: RunsOptions;
  readonly #queue: Argument;

  constructor(options: RunsOptions) {
    this.#options = options;
    this.#queue = [options.name, "text"];
  }

  get size(): number {
    return this.#runs.size;
  }

  /** Leases up to `max` jobs and starts them. @returns how many */
  async lease(max: number): Promise<number> {
    const { call, owner, leaseMs, charge } = this.#options;
    // Taken before the call: the server counts the lease from a later moment.
    const endsAtMs = systemTimerClock.monotonic() + leaseMs;
    const args = [this.#queue, [owner, "uuid"], [max, "int"], [leaseMs, "float8"], [charge, "text"]] as const;
    const texts = await call.rows("scale_queue_lease", args);
    for (const text of texts) {
      const { job, lease } = parseJob(text, systemTimerClock.now());
      if (lease !== undefined) this.#begin({ job, lease, abort: new LeaseAbort(), endsAtMs });
    }
    return texts.length;
  }

  /** Renews the leases, and aborts the runs whose job was cancelled or leased to another worker. */
  async renew(): Promise<void> {
    const { call, owner, leaseMs, handler } = this.#options;
    // A run that begins during the call may be missing in its answer.
    const before = [...this.#runs.values()];
    const endsAtMs = systemTimerClock.monotonic() + leaseMs;
    try {
      const texts = await call.rows("scale_queue_renew", [this.#queue, [owner, "uuid"], [leaseMs, "float8"]]);
      const rows = texts.map((text) => renewedRow.parse(JSON.parse(text)));
      const held = new Map(rows.map((row) => [row.lease, row.cancelling]));
      for (const run of before) {
        const isCancelled = held.get(run.lease);
        if (isCancelled === undefined) run.abort.abort(new LeaseLost(run.job.id));
        else run.endsAtMs = endsAtMs;
        if (isCancelled === true) run.abort.abort(new JobCancelled(run.job.id));
      }
    } catch (error) {
      handler.failed(error);
      const nowMs = systemTimerClock.monotonic();
      for (const run of before) if (run.endsAtMs <= nowMs) run.abort.abort(new LeaseLost(run.job.id));
    }
  }

  /** Resolves when the settlements that are under way have been answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#settling);
  }

  #begin(run: Run): void {
    this.#runs.set(run.lease, run);
    void this.#perform(run).finally(() => {
      this.#runs.delete(run.lease);
      this.#options.onEnd();
    });
  }

  async #perform({ job, lease, abort }: Run): Promise<void> {
    const { handler } = this.#options;
    const settlement = await handler.run({ job, lease: abort });
    const settling = this.#settle(job, lease, settlement);
    this.#settling.add(settling);
    handler.settled(job, settlement, await settling);
    this.#settling.delete(settling);
  }

  async #settle(job: StoredJob, lease: string, settlement: Settlement): Promise<SettleOutcome> {
    const { call, charge, handler, trimTo } = this.#options;
    const failure = "failure" in settlement ? { failure: JSON.stringify(settlement.failure) } : {};
    const text = JSON.stringify({ ...settlement, ...failure, trimTo });
    const args = [this.#queue, [job.id, "text"], [lease, "uuid"], [charge, "text"], [text, "text"]] as const;
    try {
      return outcomeText.parse(await call.one("scale_queue_settle", args));
    } catch (error) {
      handler.failed(error);
      return "failed";
    }
  }
}
