import { deadline } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { type BrakeOptions, LoopBrake } from "../event-loop/brake.js";
import { eventLoopDelay, type LoopDelay } from "../event-loop/delay.js";
import { brakeChange, limitChange, requestShed } from "../events.js";
import { fixedLimit, type Limit } from "../limit/limit.js";
import { ThroughputLimit } from "../limit/throughput-limit.js";
import type { ParsedShedderOptions } from "../options.js";
import type { Admission, AdmitRequest, Refused, RefusalReason, ShedLevel, ShedStats, TenantShare } from "../types.js";
import { FairQueue } from "./fair-queue.js";
import { MeanDuration } from "./mean-duration.js";
import type { TenantLoad, Waiter } from "./tenant-load.js";
import { WaitTimer } from "./wait-timer.js";

/** Shortest time after which a client may try again. */
const RETRY_MS = 1000;
/** Time after a refusal for which the level is `shedding`. */
const SHEDDING_MS = 5000;

/** Takes all decisions of a shedder. */
export class Admissions {
  readonly name: string;
  readonly #options: ParsedShedderOptions;
  readonly #queue = new FairQueue();
  readonly #limit: Limit;
  readonly #delay: LoopDelay | undefined;
  readonly #brake: LoopBrake | undefined;
  readonly #duration = new MeanDuration();
  readonly #timer: WaitTimer;
  /** When a request was refused last, other than by its own client. */
  #refusedMs = -Infinity;
  #isClosed = false;

  /** @param delay measures the event loop; tests pass their own */
  constructor(options: ParsedShedderOptions, delay?: LoopDelay) {
    const { name, clock, concurrency, eventLoopDelayMs } = options;
    const nowMs = clock.monotonic();
    this.name = name;
    this.#options = options;
    this.#limit = typeof concurrency === "number" ? fixedLimit(concurrency) : new ThroughputLimit(concurrency, nowMs);
    if (eventLoopDelayMs !== false) {
      this.#delay = delay ?? eventLoopDelay(eventLoopDelayMs, clock);
      this.#brake = new LoopBrake(this.#brakeOptions(eventLoopDelayMs, this.#delay), nowMs);
    }
    this.#timer = new WaitTimer(() => this.#endWaits());
  }

  admit(request: AdmitRequest): Admission | Promise<Admission> {
    const { tenantId, cost: asked = 1 } = request;
    const share = shareOf(this.#options.share, tenantId);
    const nowMs = this.#options.clock.monotonic();
    const { weight = 1 } = share;
    if (!this.#isClosed && this.#brake?.passes(tenantId, { cost: asked, weight, nowMs }) === false) {
      return this.#refused(tenantId, "event-loop");
    }
    // A request that costs more than there is room for runs alone.
    const cost = Math.min(asked, this.#limit.current);
    const load = this.#queue.open(tenantId, share);
    if (this.#isClosed || (this.#queue.size === 0 && this.#hasRoom(cost)))
      return this.#take(load, cost, { sinceMs: nowMs, nowMs });
    this.#limit.onNoRoom();
    return this.#wait(request, { load, cost, nowMs });
  }

  stats(): ShedStats {
    const nowMs = this.#options.clock.monotonic();
    // Without requests, no round ends by itself.
    if (!this.#isClosed) this.#brake?.update(nowMs);
    return {
      level: this.#levelAt(nowMs),
      limit: this.#limit.current,
      inFlight: this.#queue.inFlight,
      waiting: this.#queue.size,
      tenants: this.#queue.tenants,
      eventLoopDelayMs: this.#brake?.delayMs ?? 0,
      isBraking: this.#brake?.isBraking ?? false,
    };
  }

  #levelAt(nowMs: number): ShedLevel {
    if (nowMs - this.#refusedMs < SHEDDING_MS) return "shedding";
    return this.#queue.size > 0 ? "waiting" : "normal";
  }

  close(): void {
    this.#isClosed = true;
    this.#delay?.close();
    for (const waiter of [...this.#queue.waiters()]) this.#evict(waiter, "aborted");
    this.#timer.clear();
  }

  #brakeOptions(targetMs: number, delay: LoopDelay): BrakeOptions {
    const onChange: BrakeOptions["onChange"] = (isBraking, delayMs) =>
      brakeChange.publish(() => ({ shedder: this.name, isBraking, eventLoopDelayMs: delayMs }));
    return { targetMs, delay, onChange };
  }

  #hasRoom(cost: number): boolean {
    return this.#queue.inFlight + cost <= this.#limit.current;
  }

  /** Queues the request, unless room is not to be expected in time. */
  #wait(request: AdmitRequest, at: { load: TenantLoad; cost: number; nowMs: number }): Admission | Promise<Admission> {
    const { load, cost, nowMs } = at;
    const { maxWaitMs, maxWaiting } = this.#options;
    const waitMs = Math.min(maxWaitMs, request.waitMs ?? Infinity, deadline.remainingMs());
    const refuse = (reason: RefusalReason): Refused => {
      this.#queue.forgetIfIdle(load);
      return this.#refused(load.tenantId, reason);
    };
    if (request.signal?.aborted === true) return refuse("aborted");
    if (waitMs === 0 || this.#expectedWaitMs(load, cost) > waitMs) return refuse("no-room");
    if (this.#queue.size >= maxWaiting && !this.#makeRoomInQueue(load, cost)) return refuse("queue-full");
    return this.#enqueue(request, { ...at, untilMs: nowMs + waitMs });
  }

  async #enqueue(
    { priority = "normal", signal }: AdmitRequest,
    { load, cost, nowMs, untilMs }: { load: TenantLoad; cost: number; nowMs: number; untilMs: number },
  ): Promise<Admission> {
    let onAbort: (() => void) | undefined;
    const admission = await new Promise<Admission>((settle) => {
      const waiter: Waiter = { load, cost, priority, sinceMs: nowMs, untilMs, settle };
      this.#queue.add(waiter);
      this.#timer.arm(untilMs, nowMs);
      onAbort = () => this.#evict(waiter, "aborted");
      signal?.addEventListener("abort", onAbort, { once: true });
    });
    if (onAbort !== undefined) signal?.removeEventListener("abort", onAbort);
    // Published here, in the context of the caller: a listener may read the tenant.
    if (!admission.admitted) this.#publish(load.tenantId, admission);
    return admission;
  }

  /**
   * Time until the tenant's own share of the room has served what it has in the queue. It may be served sooner, by room that
   * others leave idle. 0 while nothing is known.
   */
  #expectedWaitMs(load: TenantLoad, cost: number): number {
    const ownRoom = this.#limit.current * this.#queue.partOf(load);
    return ((load.waitingCost + cost) * (this.#duration.ms ?? 0)) / ownRoom;
  }

  /** Evicts a request of the tenant with the longest queue. @returns false when that is this tenant */
  #makeRoomInQueue(load: TenantLoad, cost: number): boolean {
    const longest = this.#queue.longest();
    const last = longest?.tail;
    if (longest === undefined || last === undefined || longest === load) return false;
    if ((load.waitingCost + cost) / load.weight > longest.waitingCost / longest.weight) return false;
    this.#evict(last, "queue-full");
    return true;
  }

  #take(load: TenantLoad, cost: number, { sinceMs, nowMs }: { sinceMs: number; nowMs: number }): Admission {
    this.#queue.take(load, cost);
    this.#limit.onInFlight(this.#queue.inFlight, nowMs);
    let isHeld = true;
    return {
      admitted: true,
      waitedMs: nowMs - sinceMs,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#release(load, cost, nowMs);
      },
    };
  }

  #release(load: TenantLoad, cost: number, takenMs: number): void {
    const nowMs = this.#options.clock.monotonic();
    this.#queue.giveBack(load, cost);
    this.#duration.add(nowMs - takenMs);
    this.#limit.onInFlight(this.#queue.inFlight, nowMs);
    const from = this.#limit.current;
    if (this.#limit.onRelease(nowMs)) {
      limitChange.publish(() => ({ shedder: this.name, from, to: this.#limit.current }));
    }
    this.#admitWaiters(nowMs);
  }

  #admitWaiters(nowMs: number): void {
    for (let next = this.#queue.next(this.#limit.current); next !== undefined; ) {
      // The limit may have fallen below the cost meanwhile: then it runs alone.
      if (!this.#hasRoom(next.cost) && this.#queue.inFlight > 0) return;
      this.#queue.remove(next);
      if (next.untilMs <= nowMs) next.settle(this.#refusal("waited-too-long"));
      else {
        next.settle(this.#take(next.load, next.cost, { sinceMs: next.sinceMs, nowMs }));
        this.#queue.rotate(next.load);
      }
      this.#queue.forgetIfIdle(next.load);
      next = this.#queue.next(this.#limit.current);
    }
    this.#timer.clear();
  }

  #endWaits(): void {
    const nowMs = this.#options.clock.monotonic();
    let nextMs = Infinity;
    for (const waiter of [...this.#queue.waiters()]) {
      if (waiter.untilMs <= nowMs) this.#evict(waiter, "waited-too-long");
      else nextMs = Math.min(nextMs, waiter.untilMs);
    }
    if (nextMs < Infinity) this.#timer.arm(nextMs, nowMs);
  }

  #evict(waiter: Waiter, reason: RefusalReason): void {
    if (!this.#queue.remove(waiter)) return;
    waiter.settle(this.#refusal(reason));
    this.#queue.forgetIfIdle(waiter.load);
  }

  #refusal(reason: RefusalReason): Refused {
    if (reason !== "aborted") this.#refusedMs = this.#options.clock.monotonic();
    return { admitted: false, reason, retryAfterMs: RETRY_MS };
  }

  #refused(tenantId: string, reason: RefusalReason): Refused {
    const refusal = this.#refusal(reason);
    this.#publish(tenantId, refusal);
    return refusal;
  }

  #publish(tenantId: string, { reason, retryAfterMs }: Refused): void {
    requestShed.publish(() => ({ shedder: this.name, tenantId, reason, retryAfterMs }));
  }
}

function shareOf(share: (tenantId: string) => TenantShare, tenantId: string): TenantShare {
  const given: unknown = share(tenantId);
  if (typeof given === "object" && given !== null) {
    const { weight = 1, priority = 0 } = given as TenantShare;
    if (Number.isFinite(weight) && weight > 0 && Number.isFinite(priority)) return given;
  }
  throw new TypeError(`share: expected { weight: a number above 0, priority: a number }, got ${describeValue(given)}`);
}
