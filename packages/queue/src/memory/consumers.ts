import { setImmediate } from "node:timers";
import { inRootContext } from "@scale/core/kit";
import { JobCancelled, LeaseLost } from "../errors.js";
import { RankedHeap } from "../fairness/ranked-heap.js";
import { LeaseAbort } from "../lease-abort.js";
import type { ConsumeOptions, Consumer, JobHandler, Settlement, SettleOutcome } from "../store.js";
import { type Entry, snapshot } from "./entry.js";
import type { QueueState } from "./queue-state.js";

interface MemoryConsumer extends ConsumeOptions {
  readonly handler: JobHandler;
  readonly leases: Set<Lease>;
  isStopped: boolean;
}

/** One run of a job. */
interface Lease {
  readonly entry: Entry;
  readonly consumer: MemoryConsumer;
  readonly abort: LeaseAbort;
  /** Charge of the scheduler at the start. */
  readonly charged: number;
}

/** Leases jobs to the consumers of a queue, in the order that the scheduler decides. */
export class Consumers {
  readonly #state: QueueState;
  readonly #consumers = new Set<MemoryConsumer>();
  /** Leases by job id, and the time at which each lease of a closed consumer ends. */
  readonly #leases = new Map<string, Lease>();
  readonly #ends = new RankedHeap();
  #isPumpQueued = false;
  #armedMs = Infinity;
  #cancelTimer: () => void = () => undefined;

  constructor(state: QueueState) {
    this.#state = state;
    state.onReady = () => this.#queuePump();
  }

  start(handler: JobHandler, options: ConsumeOptions): Consumer {
    const consumer: MemoryConsumer = { ...options, handler, leases: new Set(), isStopped: false };
    this.#consumers.add(consumer);
    this.#queuePump();
    const stop = (): void => {
      consumer.isStopped = true;
      this.#consumers.delete(consumer);
    };
    return {
      ready: async () => undefined,
      stop: async () => stop(),
      close: async () => {
        stop();
        // Runs that have ended are settled in the next turn of the event loop.
        await new Promise((resolve) => void setImmediate(resolve));
        const endMs = this.#state.clock.now() + consumer.leaseMs;
        for (const { entry } of consumer.leases) this.#ends.set(entry.record.id, endMs);
        this.#queuePump();
      },
    };
  }

  get isStarted(): boolean {
    return this.#consumers.size > 0;
  }

  /** Runs a waiting job whatever the shares and the concurrency say. Resolves when it is settled. */
  async runNow(entry: Entry): Promise<void> {
    const [consumer] = this.#consumers;
    if (consumer !== undefined) await this.#start(entry, consumer);
  }

  /** Aborts the signal of a job that runs. Its settlement will find it cancelled. */
  abort(entry: Entry): void {
    entry.isCancelled = true;
    this.#leases.get(entry.record.id)?.abort.abort(new JobCancelled(entry.record.id));
  }

  // In a macrotask, so that jobs that end at once do not keep the event loop from its other work.
  #queuePump(): void {
    if (this.#isPumpQueued) return;
    this.#isPumpQueued = true;
    inRootContext(() => setImmediate(() => this.#pump()));
  }

  #pump(): void {
    this.#isPumpQueued = false;
    this.#state.promote();
    this.#endLeases();
    for (let started = true; started; ) started = this.#startNext();
    this.#arm();
  }

  /** @returns false when no consumer has room, or no job may start */
  #startNext(): boolean {
    const { scheduler, index, clock } = this.#state;
    let consumer: MemoryConsumer | undefined;
    for (const candidate of this.#consumers) {
      if (candidate.leases.size >= candidate.concurrency) continue;
      // The consumer with the most room, so that several share the load.
      const room = candidate.concurrency - candidate.leases.size;
      if (consumer === undefined || room > consumer.concurrency - consumer.leases.size) consumer = candidate;
    }
    if (consumer === undefined) return false;
    const now = clock.now();
    const tenantId = scheduler.next(now);
    const entry = tenantId === undefined ? undefined : index.firstWaiting(tenantId);
    if (entry === undefined) return false;
    void this.#start(entry, consumer);
    return true;
  }

  #start(entry: Entry, consumer: MemoryConsumer): Promise<void> {
    const { scheduler, index, clock } = this.#state;
    const now = clock.now();
    const charged = scheduler.start(entry.record.tenantId, entry.record.cost, now);
    index.move(entry, "active");
    entry.startedAtMs = now;
    const lease: Lease = { entry, consumer, abort: new LeaseAbort(), charged };
    entry.lease = lease;
    this.#leases.set(entry.record.id, lease);
    consumer.leases.add(lease);
    return this.#run(lease);
  }

  async #run(lease: Lease): Promise<void> {
    const { entry, consumer, abort } = lease;
    const job = snapshot(entry);
    const settlement = await consumer.handler.run({ job, lease: abort });
    consumer.leases.delete(lease);
    const outcome = this.#settle(lease, settlement);
    consumer.handler.settled(job, settlement, outcome);
    this.#queuePump();
  }

  #settle(lease: Lease, settlement: Settlement): SettleOutcome {
    const { entry } = lease;
    if (entry.lease !== lease) return "lost";
    this.#release(lease, settlement.usedMs);
    if (entry.isCancelled) {
      this.#state.end(entry, "cancelled");
      return "cancelled";
    }
    this.#apply(entry, settlement);
    return "applied";
  }

  #apply(entry: Entry, settlement: Settlement): void {
    const { scheduler, clock } = this.#state;
    switch (settlement.kind) {
      case "completed":
        entry.output = settlement.output;
        entry.failure = undefined;
        return this.#state.end(entry, "completed");
      case "dead":
        entry.attemptsMade = settlement.attemptsMade;
        entry.failure = settlement.failure;
        entry.deadReason = settlement.reason;
        return this.#state.end(entry, "dead");
      case "retry":
        entry.attemptsMade = settlement.attemptsMade;
        entry.failure = settlement.failure;
        entry.dueAtMs = settlement.atMs;
        return this.#state.delay(entry, settlement.atMs);
      case "throttled":
        scheduler.park(entry.record.tenantId, settlement.untilMs, clock.now());
        return this.#state.makeReady(entry, "head");
      case "handed-back":
        return this.#state.makeReady(entry, "head");
    }
  }

  /** Ends a lease: frees the slot of the tenant, and bills what it used. */
  #release({ entry, charged }: Lease, usedMs: number): void {
    entry.lease = undefined;
    this.#leases.delete(entry.record.id);
    this.#ends.delete(entry.record.id);
    this.#state.scheduler.finish(entry.record.tenantId, { charged, usedMs, nowMs: this.#state.clock.now() });
  }

  /** Jobs of consumers that were closed while they ran are leased again, as those of a dead worker are. */
  #endLeases(): void {
    const now = this.#state.clock.now();
    for (let end = this.#ends.peek(); end !== undefined && end.rank <= now; end = this.#ends.peek()) {
      this.#ends.delete(end.id);
      const lease = this.#leases.get(end.id);
      if (lease === undefined) continue;
      const { entry, abort } = lease;
      this.#release(lease, now - (entry.startedAtMs ?? now));
      abort.abort(new LeaseLost(end.id));
      if (entry.isCancelled) {
        this.#state.end(entry, "cancelled");
        continue;
      }
      entry.crashes += 1;
      this.#state.makeReady(entry, "head");
    }
  }

  #arm(): void {
    const wakeMs = Math.min(this.#state.nextWakeMs(), this.#ends.peek()?.rank ?? Infinity);
    if (wakeMs === this.#armedMs) return;
    this.#cancelTimer();
    this.#armedMs = wakeMs;
    if (wakeMs === Infinity) return;
    const waitMs = Math.max(1, wakeMs - this.#state.clock.now());
    this.#cancelTimer = this.#state.clock.setTimer(() => {
      this.#armedMs = Infinity;
      this.#pump();
    }, waitMs);
  }
}
