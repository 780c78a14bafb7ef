import type { TenantShare } from "../types.js";
import { TenantLoad, type Waiter } from "./tenant-load.js";

/**
 * Shares room among tenants max-min fairly by weight. Free room goes to the waiting tenant that has least in progress for its
 * weight, so a tenant below its share is served before all that are above theirs. Room that some leave idle is lent to the
 * others, by their priority first.
 */
export class FairQueue {
  readonly #loads = new Map<string, TenantLoad>();
  /** Tenants with requests in the queue. */
  readonly #waiting = new Set<TenantLoad>();
  #weights = 0;
  #size = 0;
  #inFlight = 0;

  /** Requests in the queue. */
  get size(): number {
    return this.#size;
  }

  /** Cost in progress. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Tenants with work in progress or in the queue. */
  get tenants(): number {
    return this.#loads.size;
  }

  /** The load of a tenant, which must be given back by `forgetIfIdle` when nothing was added to it. */
  open(tenantId: string, share: TenantShare): TenantLoad {
    let load = this.#loads.get(tenantId);
    if (load === undefined) this.#loads.set(tenantId, (load = new TenantLoad(tenantId)));
    else this.#weights -= load.weight;
    load.use(share);
    this.#weights += load.weight;
    return load;
  }

  forgetIfIdle(load: TenantLoad): void {
    // The tenant may have another load since.
    if (!load.isIdle || this.#loads.get(load.tenantId) !== load) return;
    this.#loads.delete(load.tenantId);
    this.#weights -= load.weight;
    // Sums of fractions drift.
    if (this.#loads.size === 0) this.#weights = 0;
  }

  /** The part of the room that is the tenant's own while all active tenants use theirs: 0 to 1. */
  partOf(load: TenantLoad): number {
    return load.weight / this.#weights;
  }

  take(load: TenantLoad, cost: number): void {
    load.inFlight += cost;
    this.#inFlight += cost;
  }

  giveBack(load: TenantLoad, cost: number): void {
    load.inFlight -= cost;
    this.#inFlight -= cost;
    this.forgetIfIdle(load);
  }

  add(waiter: Waiter): void {
    waiter.load.add(waiter);
    this.#waiting.add(waiter.load);
    this.#size++;
  }

  /** @returns false when it does not wait any more */
  remove(waiter: Waiter): boolean {
    const { load } = waiter;
    if (!load.remove(waiter)) return false;
    this.#size--;
    if (load.waitingCost === 0) this.#waiting.delete(load);
    return true;
  }

  /** The request that gets the next free room. */
  next(limit: number): Waiter | undefined {
    let best: TenantLoad | undefined;
    for (const load of this.#waiting) if (best === undefined || this.#isBefore(load, best, limit)) best = load;
    return best?.head;
  }

  /** The tenant whose queue is longest for its weight. */
  longest(): TenantLoad | undefined {
    let longest: TenantLoad | undefined;
    for (const load of this.#waiting) {
      if (longest === undefined || load.waitingCost / load.weight > longest.waitingCost / longest.weight)
        longest = load;
    }
    return longest;
  }

  *waiters(): Iterable<Waiter> {
    for (const load of this.#waiting) yield* load.waiters();
  }

  #isBefore(a: TenantLoad, b: TenantLoad, limit: number): boolean {
    const [usedA, usedB] = [a.inFlight / a.weight, b.inFlight / b.weight];
    const own = limit / this.#weights;
    if (usedA >= own && usedB >= own && a.priority !== b.priority) return a.priority > b.priority;
    // Tenants that have as much as each other take turns: the one that was served last is at the end of the set.
    return usedA < usedB;
  }

  /** Lets other tenants with as much in progress go first. */
  rotate(load: TenantLoad): void {
    if (this.#waiting.delete(load)) this.#waiting.add(load);
  }
}
