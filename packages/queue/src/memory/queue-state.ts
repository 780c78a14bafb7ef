import { RankedHeap } from "../fairness/ranked-heap.js";
import { createScheduler, type Scheduler } from "../fairness/scheduler.js";
import type { AddOutcome, NewJob, OpenQueueOptions, Retention, TimerClock } from "../store.js";
import { createEntry, type Entry } from "./entry.js";
import { JobIndex } from "./job-index.js";
import { Claims, IdempotencyKeys, idempotencyKeyOf } from "./keys.js";

/** Time after which what the scheduler knows of a tenant without jobs is dropped. */
const IDLE_MS = 86_400_000;

/** All jobs of one queue in memory, and the times at which something becomes due. */
export class QueueState {
  readonly clock: TimerClock;
  readonly index: JobIndex = new JobIndex();
  readonly scheduler: Scheduler;
  readonly keys: IdempotencyKeys = new IdempotencyKeys();
  readonly claims: Claims = new Claims();
  readonly paused: Set<string> = new Set();
  /** Calls the consumers when a job may be ready. */
  onReady: () => void = () => undefined;
  /** Delayed jobs by the time at which they are due. */
  readonly #due = new RankedHeap();
  readonly #retention: Retention;
  /** When the last job of each tenant ended, the longest ago first. */
  readonly #lastEnds = new Map<string, number>();

  constructor({ charge, retention }: OpenQueueOptions, clock: TimerClock) {
    this.clock = clock;
    this.scheduler = createScheduler({ charge });
    this.#retention = retention;
  }

  add(jobs: readonly NewJob[]): AddOutcome[] {
    return jobs.map((job) => this.#addOne(job));
  }

  #addOne(job: NewJob): AddOutcome {
    const { id, tenantId, name, idempotency, share, runAtMs } = job;
    const now = this.clock.now();
    this.scheduler.setShare(tenantId, share, now);
    const key = idempotency === undefined ? undefined : idempotencyKeyOf(tenantId, name, idempotency.key);
    const first = (key === undefined ? undefined : this.keys.holder(key, now)) ?? this.index.get(id)?.record.id;
    if (first !== undefined) return { kind: "deduplicated", id: first };
    const backlog = this.index.backlog(tenantId);
    if (backlog >= share.maxBacklog) return { kind: "backlog-full", backlog, maxBacklog: share.maxBacklog };
    if (key !== undefined && idempotency !== undefined) this.keys.hold(key, id, now + idempotency.ttlMs);
    const entry = createEntry(job, key);
    if (runAtMs !== undefined && runAtMs > now) this.delay(entry, runAtMs);
    else this.makeReady(entry, "tail");
    return { kind: "stored", id };
  }

  /** Puts a job into the line of its tenant. */
  makeReady(entry: Entry, end: "head" | "tail"): void {
    const now = this.clock.now();
    entry.readySinceMs = now;
    this.#place(entry, "waiting", end);
    this.scheduler.enqueue(entry.record.tenantId, now);
    this.onReady();
  }

  delay(entry: Entry, atMs: number): void {
    this.#place(entry, "delayed", "tail");
    this.#due.set(entry.record.id, atMs);
    this.onReady();
  }

  #place(entry: Entry, state: "waiting" | "delayed", end: "head" | "tail"): void {
    if (this.index.get(entry.record.id) === undefined) this.index.add(entry, state);
    else this.index.move(entry, state, end);
  }

  /** Puts the delayed jobs that are due into their lines. */
  promote(): void {
    const now = this.clock.now();
    for (let due = this.#due.peek(); due !== undefined && due.rank <= now; due = this.#due.peek()) {
      this.#due.delete(due.id);
      const entry = this.index.get(due.id);
      if (entry !== undefined) this.makeReady(entry, "tail");
    }
  }

  /** Wall time of the next change that no call causes. */
  nextWakeMs(): number {
    return Math.min(this.#due.peek()?.rank ?? Infinity, this.scheduler.nextWakeMs() ?? Infinity);
  }

  /** Ends a job, and keeps it as long as the retention says. */
  end(entry: Entry, state: "completed" | "cancelled" | "dead"): void {
    const { tenantId } = entry.record;
    if (entry.isPurged) {
      this.index.remove(entry);
      if (!this.index.hasTenant(tenantId)) this.scheduler.forget(tenantId);
      return;
    }
    entry.finishedAtMs = this.clock.now();
    this.index.move(entry, state);
    this.#lastEnds.delete(tenantId);
    this.#lastEnds.set(tenantId, entry.finishedAtMs);
    this.prune();
  }

  /** Takes a job that waits out of its line, or out of the delayed jobs. */
  withdraw(entry: Entry): void {
    if (entry.state === "waiting") this.scheduler.dequeue(entry.record.tenantId, this.clock.now());
    else this.#due.delete(entry.record.id);
  }

  releaseKey({ idempotencyKey, record }: Entry): void {
    if (idempotencyKey === undefined) return;
    if (this.keys.holder(idempotencyKey, this.clock.now()) === record.id) this.keys.release(idempotencyKey);
  }

  /** Removes finished jobs that are too old or too many, the first to end first. */
  prune(): void {
    const { finished, dead } = this.#retention;
    this.#pruneStates(["completed", "cancelled"], finished);
    this.#pruneStates(["dead"], dead);
    this.#forgetTenants();
  }

  #forgetTenants(): void {
    const oldestMs = this.clock.now() - IDLE_MS;
    for (const [tenantId, endedMs] of this.#lastEnds) {
      if (endedMs > oldestMs) return;
      this.#lastEnds.delete(tenantId);
      const { waiting, delayed, active } = this.index.counts(tenantId);
      // A tenant with jobs keeps its share, and comes back to the list when one of them ends.
      if (waiting + delayed + active === 0 && !this.paused.has(tenantId)) this.scheduler.forget(tenantId);
    }
  }

  #pruneStates(states: readonly ("completed" | "cancelled" | "dead")[], { count, ageMs }: Retention["dead"]): void {
    const oldestMs = this.clock.now() - ageMs;
    for (;;) {
      const firsts = states.flatMap((state) => firstOf(this.index.ended(state)) ?? []);
      const [first, second] = firsts;
      const oldest = second !== undefined && endOf(second) < endOf(first) ? second : first;
      if (oldest === undefined) return;
      const size = states.reduce((sum, state) => sum + this.index.sizeOf(state), 0);
      if (size <= count && endOf(oldest) > oldestMs) return;
      this.index.remove(oldest);
    }
  }
}

const endOf = (entry: Entry | undefined): number => entry?.finishedAtMs ?? 0;

function firstOf(entries: Iterable<Entry>): Entry | undefined {
  for (const entry of entries) return entry;
  return undefined;
}
