import type { Decision, Slot } from "../types.js";
import { DueTimer } from "./due-timer.js";
import { earliestPassAt, leastRetryMs, type QueueDenial, roomOf } from "./expected-wait.js";
import { giveBack, publishRefusal } from "./end-wait.js";
import type { QueueParts } from "./queue-parts.js";
import { SlotWait } from "./slot-waits.js";
import type { WaitRefusal } from "./types.js";
import type { Waiter } from "./waiter.js";

/** Requests that are sent to the limiter at once when it has reported room for them. */
const MAX_AT_ONCE = 32;
/** Least wait after a second denial: another process had the units, and processes must not race for each unit. */
const LOST_RACE_MS = 5;

/**
 * Requests of one key in order of arrival. The limiter is asked about the first; requests after it wait for their turn.
 * One timer serves all of them: for the time at which the first may pass, or for a deadline before it. A request that waits
 * for a slot is asked about when one is released in this process, at the retry time, and at its deadline.
 */
export class KeyQueue {
  readonly #key: string;
  readonly #parts: QueueParts;
  readonly #waiters = new Set<Waiter>();
  #queued = 0;
  #asking = 0;
  #queuedUnits = 0;
  /** Units that the last admission left. */
  #room = 0;
  #denial: (QueueDenial & { readonly waiter: Waiter; hasPassed: boolean }) | undefined;
  #nextDeadline = Infinity;
  readonly #timer: DueTimer;
  readonly #slotWait: SlotWait | undefined;

  constructor(key: string, parts: QueueParts, wantsSlots: boolean) {
    this.#key = key;
    this.#parts = parts;
    this.#timer = new DueTimer(parts, () => this.#onTimer());
    if (wantsSlots) this.#slotWait = new SlotWait(parts.slotWaits, () => this.#askAboutFirst());
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
    this.#timer.set(Infinity);
    this.#slotWait?.end();
  }

  refuse(waiter: Waiter, reason: WaitRefusal, retryAfterMs: number): void {
    const now = this.#parts.clock.monotonic();
    waiter.refuse(reason, { now, retryAfterMs });
    publishRefusal(this.#parts, waiter, { reason, now, queued: this.#queued });
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
    if (this.#waiters.size > 0) return;
    this.#slotWait?.end();
    this.#parts.onEmpty(this.#key);
  }

  async #ask(waiter: Waiter): Promise<void> {
    const { limiter } = this.#parts;
    this.#asking++;
    waiter.isAsking = true;
    try {
      if (this.#slotWait !== undefined) {
        this.#slotWait.asks();
        const slot = await limiter.acquire(waiter.subject, waiter.check);
        await this.#settle(waiter, slot.decision, slot);
      } else await this.#settle(waiter, await limiter.check(waiter.subject, waiter.check));
    } catch (error) {
      this.#leave(waiter);
      waiter.fail(error);
    }
    waiter.isAsking = false;
    this.#asking--;
    if (this.#asking === 0) this.#slotWait?.answered();
    this.#advance();
  }

  async #settle(waiter: Waiter, decision: Decision, slot?: Slot): Promise<void> {
    const now = this.#parts.clock.monotonic();
    if (!this.#waiters.has(waiter)) {
      // Aborted or closed while the limiter decided: the units were charged for work that does not happen.
      if (!decision.allowed) return;
      // The units may let a queued request pass sooner.
      this.#denial = undefined;
      await giveBack(this.#parts, waiter, { decision, slot });
    } else if (decision.allowed) {
      this.#room = roomOf(decision);
      this.#slotWait?.admitted();
      this.#leave(waiter);
      if (this.#denial?.waiter === waiter) this.#denial.hasPassed = true;
      waiter.admit(decision, { now, slot });
    } else this.#denied(waiter, decision, now);
  }

  #denied(waiter: Waiter, decision: Decision, now: number): void {
    const retryAfterMs = leastRetryMs(decision);
    const leastMs = waiter.decision === undefined ? 0 : Math.min(LOST_RACE_MS, waiter.deadline - now);
    waiter.decision = decision;
    waiter.deniedUntil = now + retryAfterMs;
    const wasReleased = this.#slotWait?.denied(decision) ?? false;
    waiter.dueAt = now + Math.max(wasReleased ? retryAfterMs : decision.retryAfterMs, leastMs);
    if (this.#first() === waiter) {
      this.#denial = { waiter, hasPassed: false, at: now, cost: waiter.cost, retryAfterMs, limits: decision.limits };
    }
    const { deadline } = waiter;
    if (waiter.deniedUntil <= deadline && now < deadline) waiter.dueAt = Math.min(waiter.dueAt, deadline);
    if (waiter.dueAt > deadline) {
      this.#leave(waiter);
      this.refuse(waiter, "deadline", decision.retryAfterMs);
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
      const retryAt = Math.max(passAt, this.#first()?.dueAt ?? 0);
      this.refuse(waiter, isFull ? "queue-full" : "deadline", Math.max(0, retryAt - clock.monotonic()));
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

  #onTimer(): void {
    // First, because a request may pass at its very deadline.
    this.#advance();
    const now = this.#parts.clock.monotonic();
    if (now < this.#nextDeadline) return;
    this.#refuseExpired(now);
    this.#advance();
  }

  #refuseExpired(now: number): void {
    const retryAt = this.#first()?.dueAt ?? 0;
    this.#nextDeadline = Infinity;
    for (const waiter of [...this.#waiters]) {
      if (waiter.deadline > now) this.#nextDeadline = Math.min(this.#nextDeadline, waiter.deadline);
      // The answer of the limiter decides about a request that it was asked about before the deadline.
      else if (!waiter.isAsking) {
        this.#leave(waiter);
        this.refuse(waiter, "deadline", Math.max(0, waiter.dueAt - now, retryAt - now));
      }
    }
  }

  #arm(): void {
    const dueAt = this.#asking > 0 ? Infinity : (this.#first()?.dueAt ?? Infinity);
    this.#timer.set(Math.min(dueAt, this.#nextDeadline));
  }

  /** A slot was released. @returns false when other rules refuse the first request for now, or it is asked about already */
  #askAboutFirst(): boolean {
    const first = this.#first();
    const now = this.#parts.clock.monotonic();
    if (first === undefined || this.#asking > 0 || first.deniedUntil > now) return false;
    first.dueAt = now;
    this.#advance();
    return true;
  }

  #first(): Waiter | undefined {
    return this.#waiters.values().next().value;
  }
}
