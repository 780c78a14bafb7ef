import type { Admission, RequestPriority, TenantShare } from "../types.js";

/** A request in the queue. */
export interface Waiter {
  readonly load: TenantLoad;
  readonly cost: number;
  readonly priority: RequestPriority;
  readonly sinceMs: number;
  /** End of its wait. */
  readonly untilMs: number;
  settle(admission: Admission): void;
}

const PRIORITIES = ["high", "normal", "low"] as const satisfies readonly RequestPriority[];

type Queue = Readonly<Record<RequestPriority, Set<Waiter>>>;

/** The work of one tenant, in progress and in the queue. */
export class TenantLoad {
  readonly tenantId: string;
  weight = 1;
  priority = 0;
  /** Cost in progress. */
  inFlight = 0;
  /** Cost in the queue. */
  waitingCost = 0;
  /** In the order of arrival. Most tenants never wait: the queue is made for the first request that does. */
  #waiting: Queue | undefined;

  constructor(tenantId: string) {
    this.tenantId = tenantId;
  }

  use({ weight = 1, priority = 0 }: TenantShare): void {
    this.weight = weight;
    this.priority = priority;
  }

  get isIdle(): boolean {
    return this.inFlight === 0 && this.waitingCost === 0;
  }

  /** The next request: the oldest of the highest priority. */
  get head(): Waiter | undefined {
    for (const priority of PRIORITIES) for (const waiter of this.#waiting?.[priority] ?? []) return waiter;
    return undefined;
  }

  /** The request that is evicted first: the newest of the lowest priority. */
  get tail(): Waiter | undefined {
    for (const priority of PRIORITIES.toReversed()) {
      let newest: Waiter | undefined;
      for (const waiter of this.#waiting?.[priority] ?? []) newest = waiter;
      if (newest !== undefined) return newest;
    }
    return undefined;
  }

  add(waiter: Waiter): void {
    this.#waiting ??= { high: new Set(), normal: new Set(), low: new Set() };
    this.#waiting[waiter.priority].add(waiter);
    this.waitingCost += waiter.cost;
  }

  /** @returns false when it does not wait any more */
  remove(waiter: Waiter): boolean {
    if (this.#waiting?.[waiter.priority].delete(waiter) !== true) return false;
    this.waitingCost -= waiter.cost;
    return true;
  }

  *waiters(): Iterable<Waiter> {
    if (this.#waiting !== undefined) for (const priority of PRIORITIES) yield* this.#waiting[priority];
  }
}
