import { LeaseAbort } from "../lease-abort.js";
import { randomBytes } from "node:crypto";
import { inRootContext, wasNotSent } from "@scale/core/kit";
import type { ConsumeOptions, Consumer, JobHandler, Retention, SettleOutcome } from "../store.js";
import { createJobWait } from "./job-wait.js";
import { LeaseKeeper } from "./lease-keeper.js";
import type { QueueContext } from "./context.js";
import { type EndedRun, type Lease, readTurn, type Run, takesOver, type TurnInput, turnArgs } from "./turn.js";

/** Settlements, and leases, of one script: bounds how long it blocks the server. */
const TURN_BATCH = 50;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1000;
/** How long `close` waits for settlements that Redis does not answer. */
const CLOSE_MS = 900;

export interface ConsumerInput {
  readonly context: QueueContext;
  readonly handler: JobHandler;
  readonly options: ConsumeOptions;
  readonly retention: Retention;
}

/**
 * Leases jobs and settles them, in turns: one script at a time settles the runs that have ended since the last one and takes
 * as many new jobs. Slots stay full, and one round trip serves many jobs.
 */
export function createConsumer(input: ConsumerInput): Consumer {
  return inRootContext(() => new RedisConsumer(input));
}

class RedisConsumer implements Consumer {
  readonly #input: ConsumerInput;
  readonly #id: string = randomBytes(9).toString("base64url");
  readonly #running = new Map<string, Run>();
  readonly #wait;
  readonly #keeper;
  #ended: EndedRun[] = [];
  #tokens = 0;
  #failures = 0;
  /** The queue had no job for a free slot: look again when the marker says so. */
  #idle = false;
  #wakeAtMs = 0;
  #scheduled = false;
  #waiting = false;
  #turn: Promise<void> | undefined;
  #stopping = false;
  #closed = false;
  /** A turn may have leased jobs to us without an answer. */
  #reclaim = false;
  readonly #first: Promise<void>;
  #onFirst: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  #onSettled: (() => void) | undefined;

  constructor(input: ConsumerInput) {
    const { context, options, retention } = input;
    this.#input = input;
    this.#wait = createJobWait(context.openBlocking(), `${context.keyPrefix}marker`, context.clock);
    this.#keeper = new LeaseKeeper({ context, leaseMs: options.leaseMs, retention, running: this.#running });
    this.#first = new Promise((resolve, reject) => (this.#onFirst = { resolve, reject }));
    // `ready` need not be called.
    this.#first.catch(() => undefined);
    this.#schedule();
  }

  ready(): Promise<void> {
    return this.#first;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#turn;
  }

  async close(): Promise<void> {
    await this.stop();
    if (this.#closed) return;
    if (this.#ended.length > 0) await this.#flush();
    this.#closed = true;
    this.#keeper.close();
    this.#wait.close();
    this.#giveUp(() => true);
    this.#onFirst?.reject(new Error("the consumer was closed"));
  }

  /** Waits until all ended runs are settled, or long enough. */
  async #flush(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#input.context.clock.setTimer(resolve, CLOSE_MS);
      this.#onSettled = () => {
        cancel();
        resolve();
      };
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#turn !== undefined || this.#closed) return;
    this.#scheduled = true;
    // After the handlers that end in this turn of the event loop: their settlements go together.
    process.nextTick(() => {
      this.#scheduled = false;
      if (this.#turn === undefined && !this.#closed) this.#startTurn();
    });
  }

  #startTurn(): void {
    const input = this.#nextTurn();
    if (input.ended.length === 0 && input.tokens.length === 0) return this.#waitForJobs();
    this.#turn = this.#runTurn(input).finally(() => {
      this.#turn = undefined;
      if (this.#failures === 0) this.#next();
    });
  }

  /** Goes on after a turn that was answered. */
  #next(): void {
    if (this.#ended.length > 0 || (!this.#idle && !this.#stopping && this.#freeSlots() > 0)) this.#schedule();
    else this.#waitForJobs();
    if (this.#ended.length === 0) this.#onSettled?.();
  }

  #freeSlots(): number {
    return this.#input.options.concurrency - this.#running.size - this.#ended.length;
  }

  #nextTurn(): TurnInput {
    const { options, retention } = this.#input;
    const ended = this.#ended.slice(0, TURN_BATCH);
    const free = this.#freeSlots() + ended.filter((run) => !takesOver(run)).length;
    const fetches = this.#stopping || this.#idle ? 0 : Math.min(Math.max(free, 0), TURN_BATCH);
    const tokens = Array.from({ length: fetches }, () => `${this.#id}:${(this.#tokens++).toString(36)}`);
    return { ended, tokens, stopping: this.#stopping, leaseMs: options.leaseMs, retention };
  }

  async #runTurn(input: TurnInput): Promise<void> {
    const { context } = this.#input;
    try {
      if (this.#reclaim) await this.#reclaimLeases();
      const late = (): void => void (this.#reclaim = true);
      const result = readTurn(await context.run("turn", turnArgs(input), { late }), input);
      this.#failures = 0;
      this.#onFirst?.resolve();
      this.#onFirst = undefined;
      this.#settle(input.ended, (_, i) => result.outcomes[i] ?? "failed");
      const wanted = input.ended.filter(takesOver).length + input.tokens.length;
      if (result.leases.length > 0) this.#idle = false;
      if (result.leases.length < wanted) this.#idle = true;
      this.#wakeAtMs = result.wakeAtMs;
      for (const lease of result.leases) this.#start(lease);
    } catch (error) {
      this.#onFailure(error, input);
    }
  }

  #settle(ended: readonly EndedRun[], outcomeOf: (run: EndedRun, index: number) => SettleOutcome): void {
    this.#ended = this.#ended.filter((run) => !ended.includes(run));
    for (const [i, run] of ended.entries()) {
      const outcome = outcomeOf(run, i);
      // After a turn without an answer `lost` is what a settlement gets that was applied by it.
      const told = outcome === "lost" && run.uncertain ? "failed" : outcome;
      this.#input.handler.settled(run.run.job, run.settlement, told);
    }
  }

  #onFailure(error: unknown, { ended }: TurnInput): void {
    const { context, options, handler } = this.#input;
    this.#failures += 1;
    if (!wasNotSent(error)) {
      this.#reclaim = true;
      for (const run of ended) run.uncertain = true;
    }
    this.#onFirst?.reject(error);
    this.#onFirst = undefined;
    handler.failed(error);
    // Another worker has run such a job, or will: its lease ended long ago.
    const oldest = context.clock.monotonic() - 3 * options.leaseMs;
    this.#giveUp(({ endedAtMs }) => endedAtMs < oldest);
    const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** (this.#failures - 1), MAX_BACKOFF_MS);
    context.clock.setTimer(() => this.#schedule(), backoffMs, { keepAlive: true });
  }

  /** A run that outlived `close`: one attempt, because nothing follows that could repeat it. */
  async #settleLate(ended: EndedRun): Promise<void> {
    const { context, options, retention } = this.#input;
    const turn = { ended: [ended], tokens: [], stopping: true, leaseMs: options.leaseMs, retention };
    try {
      const { outcomes } = readTurn(await context.run("turn", turnArgs(turn)), turn);
      this.#settle([ended], () => outcomes[0] ?? "failed");
    } catch (error) {
      this.#input.handler.failed(error);
      this.#settle([ended], () => "failed");
    }
  }

  #giveUp(isOver: (run: EndedRun) => boolean): void {
    this.#settle(this.#ended.filter(isOver), () => "failed");
  }

  async #reclaimLeases(): Promise<void> {
    const ours = [...this.#running.keys(), ...this.#ended.map(({ run }) => run.token)];
    await this.#input.context.run("reclaim", [`${this.#id}:`, ...ours]);
    this.#reclaim = false;
  }

  #start({ segment, token, job }: Lease): void {
    const { context, handler } = this.#input;
    const run: Run = { segment, token, job, controller: new LeaseAbort(), leasedAtMs: context.clock.monotonic() };
    this.#running.set(token, run);
    void handler.run({ job, lease: run.controller }).then((settlement) => {
      this.#running.delete(token);
      const ended: EndedRun = { run, settlement, endedAtMs: context.clock.monotonic(), uncertain: false };
      if (this.#closed) {
        void this.#settleLate(ended);
        return;
      }
      this.#ended.push(ended);
      if (this.#failures === 0) this.#schedule();
    });
  }

  #waitForJobs(): void {
    if (this.#waiting || this.#stopping || this.#closed || !this.#idle || this.#freeSlots() <= 0) return;
    this.#waiting = true;
    void this.#waitOnce();
  }

  async #waitOnce(): Promise<void> {
    try {
      await this.#wait.next(this.#wakeAtMs);
    } catch {
      // The next turn fails too, and reports it.
      await new Promise<void>((resolve) => this.#input.context.clock.setTimer(resolve, FIRST_BACKOFF_MS));
    }
    this.#waiting = false;
    this.#idle = false;
    this.#schedule();
  }
}
