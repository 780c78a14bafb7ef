import type { Clock } from "../clock.js";
import { StoreError } from "../errors.js";
import { inRootContext } from "../root-context.js";

export interface LookupSlotsOptions {
  /** Look-ups that run at the same time. */
  readonly max: number;
  /** Time after which the caller of a look-up has given up, in milliseconds. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** A call of the application's look-up that has not settled. */
interface Running {
  readonly answer: Promise<unknown>;
  readonly until: number;
}

interface Waiter {
  readonly tenantId: string;
  readonly until: number;
  start(): void;
}

/** Time for which a look-up that does not settle holds its slot, in milliseconds: then it is taken for lost. */
const LONGEST_MS = 5_000;
const MAX_WAITING = 10_000;

/**
 * Bounds the look-ups of the application that are under way: one for each tenant, and `max` in all. A look-up counts until
 * its work settles, not until its caller gives up, so that a database that hangs is not called again and again. Further
 * look-ups wait in order of arrival.
 */
export class LookupSlots {
  readonly #options: LookupSlotsOptions;
  readonly #running = new Set<Running>();
  readonly #byTenant = new Map<string, Running>();
  readonly #waiting = new Set<Waiter>();

  constructor(options: LookupSlotsOptions) {
    this.#options = options;
  }

  /** Starts the look-up when there is room, or joins the one of the tenant. */
  run(tenantId: string, lookUp: () => unknown): Promise<unknown> {
    this.#dropLost();
    const running = this.#byTenant.get(tenantId);
    if (running !== undefined) return running.answer;
    if (this.#running.size < this.#options.max) return this.#start(tenantId, lookUp);
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(new StoreError(`${this.#running.size} plan lookups run and ${MAX_WAITING} wait`));
    }
    return new Promise((resolve) => {
      const until = this.#options.clock.monotonic() + this.#options.timeoutMs;
      this.#waiting.add({ tenantId, until, start: () => resolve(this.#start(tenantId, lookUp)) });
    });
  }

  /** Separates the running look-up from later ones, of one tenant or of all: its answer may be outdated. */
  detach(tenantId: string | undefined): void {
    if (tenantId === undefined) this.#byTenant.clear();
    else this.#byTenant.delete(tenantId);
  }

  #start(tenantId: string, lookUp: () => unknown): Promise<unknown> {
    // Another tenant's look-up may have made room: this one must not run in its context.
    const answer = inRootContext(async () => lookUp());
    const running = { answer, until: this.#options.clock.monotonic() + LONGEST_MS };
    this.#running.add(running);
    this.#byTenant.set(tenantId, running);
    const end = (): void => {
      this.#end(running);
      if (this.#byTenant.get(tenantId) === running) this.#byTenant.delete(tenantId);
    };
    answer.then(end, end);
    return answer;
  }

  #end(running: Running): void {
    if (!this.#running.delete(running)) return;
    const now = this.#options.clock.monotonic();
    for (const waiter of this.#waiting) {
      if (this.#running.size >= this.#options.max) return;
      this.#waiting.delete(waiter);
      // Its caller has given up.
      if (waiter.until > now) waiter.start();
    }
  }

  /** Frees the slots of look-ups that will not settle. There is no timer: only another look-up needs the slot. */
  #dropLost(): void {
    const now = this.#options.clock.monotonic();
    for (const running of this.#running) {
      if (running.until > now) continue;
      for (const [tenantId, known] of this.#byTenant) if (known === running) this.#byTenant.delete(tenantId);
      this.#end(running);
    }
  }
}
