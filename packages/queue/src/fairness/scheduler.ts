import type { TenantShare } from "../types.js";
import { billable, charge, estimate, join, learn, QUANTUM, type Turn } from "./credit.js";
import { type Bucket, FULL, readyAt, take } from "./rate.js";
import { RankedHeap } from "./ranked-heap.js";

export interface SchedulerOptions {
  /** Unit of fairness: the cost of a job, or the milliseconds that it ran. */
  readonly charge: "count" | "time";
}

export interface FinishedRun {
  /** Result of `start`. */
  readonly charged: number;
  /** Milliseconds that the job ran; read with `charge: "time"`. */
  readonly usedMs: number;
  readonly nowMs: number;
}

/** Load of one tenant. */
export interface TenantLoad {
  readonly waiting: number;
  readonly inFlight: number;
  readonly paused: boolean;
}

/**
 * Decides which tenant's job starts next: weighted deficit round robin with caps, rates, pauses and back-off. It has no clock,
 * no timer and no job: equal calls give equal decisions. `../redis/fair.lua` makes the same ones in Redis.
 * Every call costs O(log tenants), however many tenants have jobs or are in debt.
 */
export interface Scheduler {
  /** Puts a share in force. */
  setShare(tenantId: string, share: TenantShare, nowMs: number): void;
  /** A job joined the tenant's line. */
  enqueue(tenantId: string, nowMs: number): void;
  /** A job left the line without a start. */
  dequeue(tenantId: string, nowMs: number): void;
  /** The tenant whose job starts next, `undefined` when none may start. The answer stays the same until another call. */
  next(nowMs: number): string | undefined;
  /**
   * Starts the first job of a tenant that `next` returned: takes it off the line, takes a slot and a token of the rate, and
   * charges the cost; with `charge: "time"` the average of the tenant, until `finish` tells the time.
   * @returns the charge, for `finish`
   */
  start(tenantId: string, cost: number, nowMs: number): number;
  /** Gives back the slot of one job. */
  finish(tenantId: string, run: FinishedRun): void;
  pause(tenantId: string, nowMs: number): void;
  resume(tenantId: string, nowMs: number): void;
  /** Starts no job of the tenant before `untilMs`. */
  park(tenantId: string, untilMs: number, nowMs: number): void;
  /** Earliest time at which a parked or rate limited tenant may start a job; `undefined` without one. */
  nextWakeMs(): number | undefined;
  /** Drops what is known of a tenant without jobs. */
  forget(tenantId: string): void;
  inspect(tenantId: string): TenantLoad | undefined;
}

interface Tenant {
  share: TenantShare;
  turn: Turn;
  bucket: Bucket;
  /** Milliseconds of its jobs; 0 before the first. */
  averageMs: number;
  waiting: number;
  inFlight: number;
  paused: boolean;
  parkedUntilMs: number;
}

const UNKNOWN_SHARE: TenantShare = { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity };

export function createScheduler(options: SchedulerOptions): Scheduler {
  return new DeficitRoundRobin(options);
}

class DeficitRoundRobin implements Scheduler {
  readonly #byTime: boolean;
  readonly #tenants = new Map<string, Tenant>();
  /** Tenants that may start a job, by round. */
  readonly #ring = new RankedHeap();
  /** Tenants that may later, by time. */
  readonly #parked = new RankedHeap();
  #currentRound = 0;
  #averageMs = 0;

  constructor(options: SchedulerOptions) {
    this.#byTime = options.charge === "time";
  }

  setShare(tenantId: string, share: TenantShare, nowMs: number): void {
    this.#change(tenantId, nowMs, (tenant) => (tenant.share = share));
  }

  enqueue(tenantId: string, nowMs: number): void {
    this.#change(tenantId, nowMs, (tenant) => (tenant.waiting += 1));
  }

  dequeue(tenantId: string, nowMs: number): void {
    this.#change(tenantId, nowMs, (tenant) => (tenant.waiting = Math.max(tenant.waiting - 1, 0)));
  }

  next(nowMs: number): string | undefined {
    for (let due = this.#parked.peek(); due !== undefined && due.rank <= nowMs; due = this.#parked.peek()) {
      this.#parked.delete(due.id);
      this.#change(due.id, nowMs, () => undefined);
    }
    return this.#ring.peek()?.id;
  }

  start(tenantId: string, cost: number, nowMs: number): number {
    const { averageMs } = this.#tenantOf(tenantId);
    const charged = this.#byTime ? estimate(averageMs, this.#averageMs) : billable(cost);
    this.#change(tenantId, nowMs, (tenant) => {
      tenant.waiting = Math.max(tenant.waiting - 1, 0);
      tenant.inFlight += 1;
      if (tenant.share.rate !== undefined) tenant.bucket = take(tenant.bucket, tenant.share.rate, nowMs);
      tenant.turn = charge(tenant.turn, charged, tenant.share.weight);
    });
    return charged;
  }

  finish(tenantId: string, run: FinishedRun): void {
    this.#change(tenantId, run.nowMs, (tenant) => {
      tenant.inFlight = Math.max(tenant.inFlight - 1, 0);
      if (this.#byTime) this.#bill(tenant, run);
    });
  }

  pause(tenantId: string, nowMs: number): void {
    this.#change(tenantId, nowMs, (tenant) => (tenant.paused = true));
  }

  resume(tenantId: string, nowMs: number): void {
    this.#change(tenantId, nowMs, (tenant) => (tenant.paused = false));
  }

  park(tenantId: string, untilMs: number, nowMs: number): void {
    this.#change(tenantId, nowMs, (tenant) => (tenant.parkedUntilMs = untilMs));
  }

  nextWakeMs(): number | undefined {
    return this.#parked.peek()?.rank;
  }

  forget(tenantId: string): void {
    const tenant = this.#tenants.get(tenantId);
    if (tenant === undefined || tenant.waiting > 0 || tenant.inFlight > 0) return;
    this.#tenants.delete(tenantId);
    this.#parked.delete(tenantId);
  }

  inspect(tenantId: string): TenantLoad | undefined {
    const tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) return undefined;
    return { waiting: tenant.waiting, inFlight: tenant.inFlight, paused: tenant.paused };
  }

  #tenantOf(tenantId: string): Tenant {
    let tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) {
      tenant = {
        ...{ share: UNKNOWN_SHARE, turn: { round: 0, credit: QUANTUM }, bucket: FULL, averageMs: 0 },
        ...{ waiting: 0, inFlight: 0, paused: false, parkedUntilMs: 0 },
      };
      this.#tenants.set(tenantId, tenant);
    }
    return tenant;
  }

  #change(tenantId: string, nowMs: number, edit: (tenant: Tenant) => void): void {
    const tenant = this.#tenantOf(tenantId);
    edit(tenant);
    this.#place(tenantId, tenant, nowMs);
  }

  /** Puts the tenant into the ring, among the parked, or nowhere, as its state demands. */
  #place(tenantId: string, tenant: Tenant, nowMs: number): void {
    const wakeMs = wakeOf(tenant, nowMs);
    if (wakeMs > nowMs) {
      if (this.#ring.has(tenantId)) this.#leave(tenantId);
      if (wakeMs < Infinity) this.#parked.set(tenantId, wakeMs);
      else this.#parked.delete(tenantId);
      return;
    }
    this.#parked.delete(tenantId);
    if (!this.#ring.has(tenantId)) {
      tenant.turn = join(tenant.turn, this.#ring.peek()?.rank ?? this.#currentRound, tenant.share.weight);
    }
    this.#ring.set(tenantId, tenant.turn.round);
  }

  // The ring knows the current round while a tenant is in it.
  #leave(tenantId: string): void {
    this.#currentRound = this.#ring.peek()?.rank ?? this.#currentRound;
    this.#ring.delete(tenantId);
  }

  #bill(tenant: Tenant, { charged, usedMs }: FinishedRun): void {
    const used = billable(usedMs);
    tenant.turn = charge(tenant.turn, used - charged, tenant.share.weight);
    tenant.averageMs = learn(tenant.averageMs, used);
    this.#averageMs = learn(this.#averageMs, used);
  }
}

/** The time from which the tenant may start a job; infinite when that is for other reasons than time. */
function wakeOf({ share, bucket, waiting, inFlight, paused, parkedUntilMs }: Tenant, nowMs: number): number {
  if (waiting === 0 || paused || inFlight >= share.maxInFlight) return Infinity;
  return Math.max(parkedUntilMs, share.rate === undefined ? nowMs : readyAt(bucket, share.rate, nowMs));
}
