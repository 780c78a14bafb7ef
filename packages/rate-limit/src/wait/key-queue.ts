import type { Clock } from "@scale/core";
import { storeFail, waitRefuse } from "../events.js";
import type { RateLimiter } from "../limiter.js";
import type { Decision } from "../types.js";
import { earliestPassAt, type QueueDenial, roomOf } from "./expected-wait.js";
import type { SetTimer, WaitRefusal } from "./types.js";
import type { Waiter } from "./waiter.js";

/** The parts that all queues of a limiter share. */
export interface QueueParts {
  readonly limiter: Pick<RateLimiter, "name" | "check" | "refund">;
  readonly clock: Clock;
  readonly setTimer: SetTimer;
  /** Maximum number of queued requests of one key. */
  readonly queueLimit: number;
  /** Counts the queued requests of all keys. */
  readonly total: { queued: number; readonly limit: number };
  /** Called when a queue has become empty. */
  readonly onEmpty: (queue: KeyQueue) => void;
}

/** Requests that are sent to the limiter at once when it has reported room for them. */
const MAX_AT_ONCE = 32;
/** Least wait after a second denial: another process had the units, and processes must not race for each unit. */
const LOST_RACE_MS = 5;

/**
 * Requests of one key in order of arrival. The limiter is asked about the first; requests after it wait for their turn.
 * One timer serves all of them: for the time at which the first may pass, or for a deadline before it.
 */
export class KeyQueue {
  readonly key: string;
  readonly #parts: QueueParts;
  readonly #waiters = new Set<Waiter>();
  #queued = 0;
  #asking = 0;
  #queuedUnits = 0;
  /** Units that the last admission left. */
  #room = 0;
  #denial: (QueueDenial & { readonly waiter: Waiter; hasPassed: boolean }) | undefined;
  #nextDeadline = Infinity;
  #timer: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(key: string, parts: QueueParts) {
    this.key = key;
    this.#parts = parts;
  }

  /** A request that arrives while the limiter decides about others waits for that decision, and then is sent or queued. */
  enter(waiter: Waiter): void {
    if (this.#queued > 0 && !this.#accept(waiter)) return;
    this.#waiters.add(waiter);
    waiter.watchSignal((reason) => this.#abort(waiter, reason));
    if (this.#asking > 0) waiter.keepContext();
    this.#advance();
  }

  close(): void {
    for (const waiter of [...this.#waiters]) {
      this.#leave(waiter);
      this.refuse(waiter, "closed", 0);
    }
    this.#stopTimer();
  }

  refuse(waiter: Waiter, reason: WaitRefusal, retryAfterMs: number): void {
    const { clock, limiter } = this.#parts;
    const now = clock.monotonic();
    waiter.refuse(reason, { now, retryAfterMs });
    const { tenantId, check, arrivedAt } = waiter;
    waiter.run(() =>
      waitRefuse.publish(() => ({
        limiter: limiter.name,
        tenantId,
        group: check.group,
        reason,
        waitedMs: now - arrivedAt,
        queued: this.#queued,
      })),
    );
  }

  /** Asks about the first request when it is due, and about as many after it as the limiter has reported room for. */
  #advance(): void {
    if (this.#asking > 0) return this.#arm();
    const now = this.#parts.clock.monotonic();
    let room = this.#room;
    this.#room = 0;
    for (const waiter of this.#waiters) {
      if (waiter.dueAt > now) break;
      if (this.#asking > 0 && (waiter.cost > room || this.#asking >= MAX_AT_ONCE)) break;
      room -= waiter.cost;
      waiter.run(() => void this.#ask(waiter));
    }
    this.#arm();
    if (this.#waiters.size === 0) this.#parts.onEmpty(this);
  }

  async #ask(waiter: Waiter): Promise<void> {
    this.#asking++;
    waiter.isAsking = true;
    try {
      const decision = await this.#parts.limiter.check(waiter.subject, waiter.check);
      await this.#settle(waiter, decision);
    } catch (error) {
      this.#leave(waiter);
      waiter.fail(error);
    }
    waiter.isAsking = false;
    this.#asking--;
    this.#advance();
  }

  async #settle(waiter: Waiter, decision: Decision): Promise<void> {
    const now = this.#parts.clock.monotonic();
    if (!this.#waiters.has(waiter)) {
      // Aborted or closed while the limiter decided: the units were charged for work that does not happen.
      if (decision.allowed) await this.#refund(waiter, decision);
    } else if (decision.allowed) {
      this.#room = roomOf(decision);
      this.#leave(waiter);
      if (this.#denial?.waiter === waiter) this.#denial.hasPassed = true;
      waiter.admit(decision, now);
    } else this.#denied(waiter, decision, now);
  }

  #denied(waiter: Waiter, decision: Decision, now: number): void {
    const { retryAfterMs, limits } = decision;
    const leastMs = waiter.decision === undefined ? 0 : Math.min(LOST_RACE_MS, waiter.deadline - now);
    waiter.decision = decision;
    waiter.dueAt = now + Math.max(retryAfterMs, leastMs);
    if (this.#first() === waiter) {
      this.#denial = { waiter, hasPassed: false, at: now, cost: waiter.cost, retryAfterMs, limits };
    }
    if (waiter.dueAt > waiter.deadline) {
      this.#leave(waiter);
      this.refuse(waiter, "deadline", retryAfterMs);
    } else if (!waiter.isQueued && !this.#accept(waiter)) this.#leave(waiter);
    for (const arrival of [...this.#waiters]) if (!arrival.isQueued && !arrival.isAsking) this.#sort(arrival);
  }

  /** Queues a request that arrived while the limiter decided, unless it is the first now, or refuses it. */
  #sort(arrival: Waiter): void {
    if (this.#queued > 0) {
      if (!this.#accept(arrival)) this.#leave(arrival);
      return;
    }
    const passAt = this.#passAtEnd(arrival);
    if (passAt <= arrival.deadline) return;
    this.#leave(arrival);
    this.refuse(arrival, "deadline", passAt - this.#parts.clock.monotonic());
  }

  /** Queues a request within the limits of the queue and the request's deadline, or refuses it. */
  #accept(waiter: Waiter): boolean {
    const { clock, queueLimit, total } = this.#parts;
    const passAt = this.#passAtEnd(waiter);
    const isFull = this.#queued >= queueLimit || total.queued >= total.limit;
    if (isFull || passAt > waiter.deadline) {
      this.refuse(waiter, isFull ? "queue-full" : "deadline", Math.max(0, passAt - clock.monotonic()));
      return false;
    }
    waiter.isQueued = true;
    waiter.keepContext();
    this.#queued++;
    this.#queuedUnits += waiter.cost;
    total.queued++;
    this.#nextDeadline = Math.min(this.#nextDeadline, waiter.deadline);
    return true;
  }

  /** The earliest time at which a request can pass after all that are queued, by the last denial of a first request. */
  #passAtEnd({ cost, dueAt, isQueued }: Waiter): number {
    const denial = this.#denial;
    if (denial === undefined || isQueued) return dueAt;
    // The denied request is one of the queued, or it has passed since, or it has left without units.
    const deniedUnits = denial.hasPassed ? 0 : denial.cost;
    const unitsAfter = this.#queuedUnits + cost - deniedUnits;
    return unitsAfter < 0 ? dueAt : Math.max(dueAt, earliestPassAt(denial, unitsAfter));
  }

  #leave(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    if (waiter.isQueued) {
      this.#queued--;
      this.#queuedUnits -= waiter.cost;
      this.#parts.total.queued--;
      if (this.#queued === 0) this.#nextDeadline = Infinity;
    }
    waiter.unwatchSignal();
  }

  #abort(waiter: Waiter, reason: unknown): void {
    this.#leave(waiter);
    waiter.fail(reason);
    this.#advance();
  }

  async #refund({ tenantId }: Waiter, decision: Decision): Promise<void> {
    const { limiter } = this.#parts;
    // The units may let a queued request pass sooner.
    this.#denial = undefined;
    try {
      await limiter.refund(decision);
    } catch (error) {
      storeFail.publish(() => ({ limiter: limiter.name, tenantId, error }));
    }
  }

  #onTimer(): void {
    this.#timer = undefined;
    // First, because a request may pass at its very deadline.
    this.#advance();
    const now = this.#parts.clock.monotonic();
    if (now < this.#nextDeadline) return;
    this.#refuseExpired(now);
    this.#advance();
  }

  #refuseExpired(now: number): void {
    this.#nextDeadline = Infinity;
    for (const waiter of [...this.#waiters]) {
      if (waiter.deadline > now) this.#nextDeadline = Math.min(this.#nextDeadline, waiter.deadline);
      // The answer of the limiter decides about a request that it was asked about before the deadline.
      else if (!waiter.isAsking) {
        this.#leave(waiter);
        this.refuse(waiter, "deadline", Math.max(0, waiter.dueAt - now));
      }
    }
  }

  #arm(): void {
    const dueAt = this.#asking > 0 ? Infinity : (this.#first()?.dueAt ?? Infinity);
    const at = Math.min(dueAt, this.#nextDeadline);
    if (this.#timer?.at === at) return;
    this.#stopTimer();
    if (at === Infinity) return;
    const ms = Math.max(0, at - this.#parts.clock.monotonic());
    this.#timer = { at, cancel: this.#parts.setTimer(ms, () => this.#onTimer()) };
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #first(): Waiter | undefined {
    return this.#waiters.values().next().value;
  }
}
