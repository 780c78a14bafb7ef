import { z } from "zod";
import { systemTimerClock } from "../clock.js";
import { JobCancelled, LeaseLost } from "../errors.js";
import { createPause } from "../sql/pause.js";
import type { ConsumeOptions, JobHandler } from "../store.js";
import type { FunctionCalls } from "./calls.js";
import type { PostgresQueueOptions } from "./options.js";
import type { Run } from "./turn.js";

export interface LeaseKeeperOptions extends PostgresQueueOptions, ConsumeOptions {
  readonly call: FunctionCalls;
  readonly handler: JobHandler;
}

/** The runs of the consumer: those that go on, and those that wait to be settled. */
export interface HeldRuns {
  running(): readonly Run[];
  ended(): readonly Run[];
}

/** A cancel reaches the handler within a second: this, and two round trips. */
const MAX_RENEW_MS = 250;
const MAINTAIN_MS = 1000;

const renewedRow = z.object({ lease: z.string(), cancelling: z.boolean() });

/**
 * Renews the leases of a consumer, aborts runs that were cancelled or lost, and now and then recovers jobs of dead workers and
 * ends the retention of finished ones.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #owner: string;
  readonly #runs: HeldRuns;
  readonly #pause = createPause();
  #maintainedAtMs = -Infinity;
  #isStopped = false;
  #isClosed = false;

  constructor(options: LeaseKeeperOptions, owner: string, runs: HeldRuns) {
    this.#options = options;
    this.#owner = owner;
    this.#runs = runs;
    void this.#keep();
  }

  /** Leases are still renewed, until `close`. */
  stop(): void {
    this.#isStopped = true;
  }

  close(): void {
    this.#isClosed = true;
    this.#pause.end();
  }

  async #keep(): Promise<void> {
    const { leaseMs, handler } = this.#options;
    for (;;) {
      await this.#pause.wait(Math.min(MAX_RENEW_MS, leaseMs / 3));
      if (this.#isClosed) return;
      await this.#renew();
      const nowMs = systemTimerClock.monotonic();
      if (this.#isStopped || nowMs - this.#maintainedAtMs < MAINTAIN_MS) continue;
      this.#maintainedAtMs = nowMs;
      await this.#maintain().catch((error: unknown) => handler.failed(error));
    }
  }

  /** Only leases that are known here: one of an answer that did not arrive has to end, or its job would never run. */
  async #renew(): Promise<void> {
    const { call, name, leaseMs, handler } = this.#options;
    // A run that begins during the call is missing in its answer.
    const running = this.#runs.running();
    const known = [...running, ...this.#runs.ended()].map(({ lease }) => lease);
    if (known.length === 0) return;
    const endsAtMs = systemTimerClock.monotonic() + leaseMs;
    try {
      const texts = await call.rows("scale_queue_renew_known", [
        [name, "text"],
        [this.#owner, "uuid"],
        [leaseMs, "float8"],
        [JSON.stringify(known), "text"],
      ]);
      const rows = texts.map((text) => renewedRow.parse(JSON.parse(text)));
      const held = new Map(rows.map((row) => [row.lease, row.cancelling]));
      for (const run of running) {
        const isCancelled = held.get(run.lease);
        if (isCancelled === undefined) run.abort.abort(new LeaseLost(run.job.id));
        else run.endsAtMs = endsAtMs;
        if (isCancelled === true) run.abort.abort(new JobCancelled(run.job.id));
      }
    } catch (error) {
      handler.failed(error);
      const nowMs = systemTimerClock.monotonic();
      for (const run of running) if (run.endsAtMs <= nowMs) run.abort.abort(new LeaseLost(run.job.id));
    }
  }

  async #maintain(): Promise<void> {
    const { finished, dead } = this.#options.retention;
    await this.#options.call.one("scale_queue_maintain", [
      [this.#options.name, "text"],
      [finished.count, "int"],
      [finished.ageMs, "float8"],
      [dead.count, "int"],
      [dead.ageMs, "float8"],
    ]);
  }
}
