import { LeaseAbort } from "../lease-abort.js";
import { inRootContext, wasNotSent } from "@scale/core/kit";
import { settledWithin } from "../settled-within.js";
import type { ConsumeOptions, Consumer, JobHandler, Retention, SettleOutcome } from "../store.js";
import { createJobWait } from "./job-wait.js";
import { LeaseKeeper } from "./lease-keeper.js";
import type { QueueContext } from "./context.js";
import { Slots } from "./slots.js";
import { type EndedRun, type Lease, readTurn, type Run, takesOver, type TurnInput, turnArgs } from "./turn.js";

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
 * Leases jobs and settles them, in turns: one script settles the runs that have ended since the last one and takes as many new
 * jobs. Slots stay full, and one round trip serves many jobs.
 */
export function createConsumer(input: ConsumerInput): Consumer {
  return inRootContext(() => new RedisConsumer(input));
}

class RedisConsumer implements Consumer {
  readonly #input: ConsumerInput;
  readonly #slots: Slots;
  readonly #wait;
  readonly #keeper;
  readonly #turns = new Set<Promise<void>>();
  #failures = 0;
  /** The queue had no job for a free slot: look again when the marker says so. */
  #idle = false;
  #wakeAtMs = 0;
  #scheduled = false;
  #waiting = false;
  #stopping = false;
  #closed = false;
  /** A turn may have leased jobs to us without an answer. */
  #reclaim = false;
  readonly #first: Promise<void>;
  #onFirst: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;
  #onSettled: (() => void) | undefined;

  constructor(input: ConsumerInput) {
    const { context, options, retention } = input;
    const { leaseMs } = options;
    this.#input = input;
    this.#slots = new Slots({ ...options, retention });
    this.#wait = createJobWait(context.openBlocking(), `${context.keyPrefix}marker`, context.clock);
    this.#keeper = new LeaseKeeper({ context, leaseMs, retention, running: this.#slots.running });
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
    await Promise.all(this.#turns);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    // A turn may take longer than `close` has: its deadline is an option of the store.
    await settledWithin(this.#input.context.clock, CLOSE_MS, this.#flush());
    this.#closed = true;
    this.#keeper.close();
    this.#wait.close();
    this.#giveUp(() => true);
    this.#onFirst?.reject(new Error("the consumer was closed"));
  }

  /** Resolves when all ended runs are settled. */
  async #flush(): Promise<void> {
    await this.stop();
    if (this.#slots.isSettled) return;
    await new Promise<void>((resolve) => {
      this.#onSettled = resolve;
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed || !this.#canTurn()) return;
    this.#scheduled = true;
    // After the handlers that end in this turn of the event loop: their settlements go together.
    process.nextTick(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#startTurns();
    });
  }

  #canTurn(): boolean {
    return this.#failures === 0 ? this.#slots.canTurn() : this.#slots.canTurn(1);
  }

  #startTurns(): void {
    while (this.#canTurn()) {
      const input = this.#slots.next({ isStopping: this.#stopping, isIdle: this.#idle });
      if (input === undefined) return this.#waitForJobs();
      const turn = this.#runTurn(input).finally(() => {
        this.#turns.delete(turn);
        if (this.#failures === 0) this.#next();
      });
      this.#turns.add(turn);
    }
  }

  /** Goes on after a turn that was answered. */
  #next(): void {
    const canFetch = !this.#idle && !this.#stopping && this.#slots.free > 0;
    if (this.#slots.hasEnded || canFetch) this.#schedule();
    else this.#waitForJobs();
    if (this.#slots.isSettled) this.#onSettled?.();
  }

  async #runTurn(input: TurnInput): Promise<void> {
    const { context } = this.#input;
    try {
      if (this.#reclaim) await this.#reclaimLeases();
      const late = (): void => void (this.#reclaim = true);
      const result = readTurn(await context.run("turn", turnArgs(input), { late }), input);
      this.#slots.finish(input);
      this.#failures = 0;
      this.#onFirst?.resolve();
      this.#onFirst = undefined;
      this.#settle(input.ended, (_, i) => result.outcomes[i] ?? "failed");
      const wanted = input.ended.filter(takesOver).length + input.tokens.length;
      if (result.leases.length > 0) this.#idle = false;
      if (result.leases.length < wanted) this.#idle = true;
      this.#wakeAtMs = result.wakeAtMs;
      // An answer that came after `close`: its jobs go back.
      if (this.#closed && result.leases.length > 0) return await this.#reclaimLeases();
      for (const lease of result.leases) this.#start(lease);
    } catch (error) {
      this.#onFailure(error, input);
    }
  }

  #settle(ended: readonly EndedRun[], outcomeOf: (run: EndedRun, index: number) => SettleOutcome): void {
    for (const [i, run] of ended.entries()) {
      // Given up while its turn was under way.
      if (run.isSettled) continue;
      run.isSettled = true;
      const outcome = outcomeOf(run, i);
      // After a turn without an answer `lost` is what a settlement gets that was applied by it.
      const told = outcome === "lost" && run.uncertain ? "failed" : outcome;
      this.#input.handler.settled(run.run.job, run.settlement, told);
    }
  }

  #onFailure(error: unknown, input: TurnInput): void {
    const { context, options, handler } = this.#input;
    this.#slots.retry(input);
    this.#failures += 1;
    if (!wasNotSent(error)) {
      this.#reclaim = true;
      for (const run of input.ended) run.uncertain = true;
    }
    this.#onFirst?.reject(error);
    this.#onFirst = undefined;
    handler.failed(error);
    // Another worker has run such a job, or will: its lease ended long ago.
    const oldest = context.clock.monotonic() - 3 * options.leaseMs;
    this.#giveUp(({ endedAtMs }) => endedAtMs < oldest);
    if (this.#closed) return;
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
    this.#settle(this.#slots.giveUp(isOver), () => "failed");
  }

  async #reclaimLeases(): Promise<void> {
    await this.#input.context.run("reclaim", [this.#slots.prefix, ...this.#slots.held()]);
    this.#reclaim = false;
  }

  #start({ segment, token, job }: Lease): void {
    const { context, handler } = this.#input;
    const run: Run = { segment, token, job, controller: new LeaseAbort(), leasedAtMs: context.clock.monotonic() };
    this.#slots.running.set(token, run);
    void handler.run({ job, lease: run.controller }).then((settlement) => {
      this.#slots.running.delete(token);
      const endedAtMs = context.clock.monotonic();
      const ended: EndedRun = { run, settlement, endedAtMs, uncertain: false, isSettled: false };
      if (this.#closed) {
        void this.#settleLate(ended);
        return;
      }
      this.#slots.end(ended);
      if (this.#failures === 0) this.#schedule();
    });
  }

  #waitForJobs(): void {
    if (this.#waiting || this.#stopping || this.#closed || !this.#idle || this.#slots.free <= 0) return;
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
