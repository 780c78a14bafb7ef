import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { inRootContext, wasNotSent } from "@scale/core/kit";
import { systemTimerClock } from "../clock.js";
import { LeaseAbort } from "../lease-abort.js";
import { createPause } from "../sql/pause.js";
import { settleBatch } from "../settle-batch.js";
import { settledWithin } from "../settled-within.js";
import type { ConsumeOptions, Consumer, JobHandler, SettleOutcome } from "../store.js";
import type { FunctionCalls } from "./calls.js";
import { LeaseKeeper } from "./lease-keeper.js";
import type { PostgresQueueOptions } from "./options.js";
import { type EndedRun, type Run, takeTurn } from "./turn.js";

export interface ConsumerOptions extends PostgresQueueOptions, ConsumeOptions {
  readonly call: FunctionCalls;
  readonly handler: JobHandler;
}

/** Settlements, and leases, of one call: bounds how long it holds the lock of the queue. */
const TURN_BATCH = 100;
const MAX_BACKOFF_MS = 1000;
/** For the settlements to be stored. */
const CLOSE_MS = 900;
/** Up to so many kept jobs, finding those in excess costs less than the settlement. */
const TRIM_AT_ONCE = 100;
/** A call that had no answer may still be carried out for so long. */
const RECLAIM_MS = 10_000;

/** A consumer that producers of the same process can wake. */
export interface LocalConsumer extends Consumer {
  wake(): void;
}

/**
 * Leases jobs and settles them, in turns: one call at a time settles the runs that have ended since the last one, and leases as
 * many jobs as there is room for. Each call is a commit, which costs more than a short job.
 */
export function createConsumer(options: ConsumerOptions): LocalConsumer {
  // A consumer may be created inside a request, and runs the jobs of every tenant.
  return inRootContext(() => new PostgresConsumer(options));
}

class PostgresConsumer implements LocalConsumer {
  readonly #options: ConsumerOptions;
  readonly #owner: string = randomUUID();
  readonly #trimTo: number | undefined;
  readonly #running = new Map<string, Run>();
  readonly #pause = createPause();
  readonly #keeper: LeaseKeeper;
  readonly #first: Promise<number>;
  #turn: Promise<number>;
  #ended: EndedRun[] = [];
  /** Those of `#ended` that the last turn settles. */
  #settling: readonly EndedRun[] = [];
  #failures = 0;
  /** Monotonic time until which turns hand back what was leased in an answer that did not arrive. */
  #reclaimUntilMs = -Infinity;
  #isStopped = false;
  #isClosed = false;
  #onSettled: () => void = () => undefined;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    const { count } = options.retention.finished;
    this.#trimTo = count <= TRIM_AT_ONCE ? count : undefined;
    this.#keeper = new LeaseKeeper(options, this.#owner, {
      running: () => [...this.#running.values()],
      ended: () => this.#ended.map(({ run }) => run),
    });
    this.#first = this.#takeTurn();
    this.#turn = this.#first;
    // `ready` need not be called.
    this.#first.catch(() => undefined);
    void this.#keepTurning();
  }

  async ready(): Promise<void> {
    await this.#first;
  }

  wake(): void {
    this.#pause.end();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#keeper.stop();
    await this.#turn.catch(() => undefined);
  }

  async close(): Promise<void> {
    await settledWithin(systemTimerClock, CLOSE_MS, this.#flush());
    this.#isClosed = true;
    this.#keeper.close();
    this.#pause.end();
    this.#giveUp(() => true);
  }

  /** Resolves when every ended run is settled. */
  async #flush(): Promise<void> {
    await this.stop();
    // The worker may know of an end that has not arrived here.
    await setImmediate();
    if (this.#ended.length === 0) return;
    const settled = new Promise<void>((resolve) => (this.#onSettled = resolve));
    this.#pause.end();
    await settled;
  }

  async #keepTurning(): Promise<void> {
    for (;;) {
      const pauseMs = await this.#turn.catch((error: unknown) => this.#onFailure(error));
      if (this.#ended.length === 0) this.#onSettled();
      if (!this.#isClosed) await this.#pause.wait(pauseMs);
      if (this.#isClosed) return;
      // Handlers that end in this turn of the event loop are settled together.
      if (this.#running.size > 0) await setImmediate();
      this.#turn = this.#takeTurn();
    }
  }

  /** @returns the pause before the next turn, in milliseconds */
  async #takeTurn(): Promise<number> {
    const { call, name, charge, leaseMs, concurrency, pollMs } = this.#options;
    // One at a time after a failure: it may be the settlement of one job that the database does not take.
    const ended = settleBatch(this.#ended, this.#failures === 0 ? TURN_BATCH : 1);
    this.#settling = ended;
    const room = concurrency - this.#running.size - (this.#ended.length - ended.length);
    const max = this.#isStopped ? 0 : Math.min(Math.max(room, 0), TURN_BATCH);
    if (ended.length === 0 && max === 0) return pollMs;
    // Taken before the call: the server counts the lease from a later moment.
    const startedAtMs = systemTimerClock.monotonic();
    const held = startedAtMs < this.#reclaimUntilMs ? this.#held() : undefined;
    const input = { name, charge, leaseMs, owner: this.#owner, trimTo: this.#trimTo };
    const { outcomes, leased } = await takeTurn(call, { ...input, ended, max, held });
    this.#failures = 0;
    this.#settle(ended, (_, i) => outcomes[i] ?? "failed");
    if (this.#isClosed) return this.#handBack();
    for (const { job, lease } of leased) {
      this.#start({ job, lease, abort: new LeaseAbort(), endsAtMs: startedAtMs + leaseMs });
    }
    const hasMore = this.#ended.length > 0 || (leased.length === max && leased.length > 0);
    return hasMore ? 0 : pollMs;
  }

  #held(): string[] {
    return [...this.#running.keys(), ...this.#ended.map(({ run }) => run.lease)];
  }

  /** @returns the pause before the next turn, in milliseconds */
  #onFailure(error: unknown): number {
    const { handler, leaseMs, pollMs } = this.#options;
    const nowMs = systemTimerClock.monotonic();
    const tried = this.#settling.filter(({ isSettled }) => !isSettled);
    if (!wasNotSent(error)) {
      this.#reclaimUntilMs = nowMs + RECLAIM_MS;
      for (const run of tried) run.isUncertain = true;
    }
    // After the others: a settlement that the database does not take holds up no other.
    this.#ended = [...this.#ended.filter((run) => !tried.includes(run)), ...tried];
    this.#failures += 1;
    handler.failed(error);
    // Another worker has run such a job, or will: its lease ended long ago.
    this.#giveUp(({ endedAtMs }) => endedAtMs < nowMs - 3 * leaseMs);
    return Math.min(MAX_BACKOFF_MS, pollMs * 2 ** Math.min(this.#failures - 1, 16));
  }

  #settle(ended: readonly EndedRun[], outcomeOf: (run: EndedRun, index: number) => SettleOutcome): void {
    for (const [i, run] of ended.entries()) {
      // Given up by `close`, while its turn was under way.
      if (run.isSettled) continue;
      run.isSettled = true;
      const outcome = outcomeOf(run, i);
      // After a turn without an answer `lost` is what a settlement gets that was applied by it.
      const told = outcome === "lost" && run.isUncertain ? "failed" : outcome;
      this.#options.handler.settled(run.run.job, run.settlement, told);
    }
    this.#ended = this.#ended.filter(({ isSettled }) => !isSettled);
  }

  #giveUp(isOver: (run: EndedRun) => boolean): void {
    this.#settle(this.#ended.filter(isOver), () => "failed");
  }

  #start(run: Run): void {
    this.#running.set(run.lease, run);
    void this.#options.handler.run({ job: run.job, lease: run.abort }).then((settlement) => {
      this.#running.delete(run.lease);
      const endedAtMs = systemTimerClock.monotonic();
      const ended: EndedRun = { run, settlement, endedAtMs, isUncertain: false, isSettled: false };
      this.#ended.push(ended);
      if (this.#isClosed) void this.#settleLate(ended);
      else if (this.#failures === 0) this.#pause.end();
    });
  }

  /** Jobs that were leased in an answer that came after `close`. */
  async #handBack(): Promise<number> {
    const { call, name, charge, leaseMs } = this.#options;
    const input = { name, charge, leaseMs, owner: this.#owner, trimTo: undefined, held: this.#held() };
    await takeTurn(call, { ...input, ended: [], max: 0 });
    return 0;
  }

  /** A run that outlived `close`: one attempt, because nothing follows that could repeat it. */
  async #settleLate(ended: EndedRun): Promise<void> {
    const { call, name, charge, leaseMs, handler } = this.#options;
    const input = { name, charge, leaseMs, owner: this.#owner, trimTo: this.#trimTo, held: undefined };
    try {
      const { outcomes } = await takeTurn(call, { ...input, ended: [ended], max: 0 });
      this.#settle([ended], () => outcomes[0] ?? "failed");
    } catch (error) {
      handler.failed(error);
      this.#settle([ended], () => "failed");
    }
  }
}
