/** One admitted call of a half-open breaker. */
export interface Probe {
  readonly expiresMs: number;
}

export interface ProbeRule {
  /** Probes that decide together. */
  readonly permits: number;
  /** Part of them that must succeed. */
  readonly successRate: number;
  /** Milliseconds after which a probe that did not settle counts as failed. */
  readonly leaseMs: number;
}

export type Verdict = "recovered" | "failed" | "undecided";

/** The probes of one half-open period. A probe that does not settle in time fails, so that no call holds the breaker half-open. */
export class Probes {
  readonly #rule: ProbeRule;
  readonly #needed: number;
  /** Oldest first. */
  readonly #running = new Set<Probe>();
  #succeeded = 0;
  #failed = 0;

  constructor(rule: ProbeRule) {
    this.#rule = rule;
    this.#needed = Math.max(1, Math.ceil(rule.permits * rule.successRate));
  }

  /** @returns `undefined` when all permits are in use */
  acquire(nowMs: number): Probe | undefined {
    if (this.#running.size + this.#succeeded + this.#failed >= this.#rule.permits) return undefined;
    const probe = { expiresMs: nowMs + this.#rule.leaseMs };
    this.#running.add(probe);
    return probe;
  }

  /** Counts a probe. One whose lease has expired was counted already. */
  settle(probe: Probe, isSuccess: boolean): void {
    if (!this.#running.delete(probe)) return;
    if (isSuccess) this.#succeeded++;
    else this.#failed++;
  }

  /** Returns the permit of a call that says nothing about the dependency. */
  release(probe: Probe): void {
    this.#running.delete(probe);
  }

  /** Fails one probe whose lease is over. @returns the time at which it expired, `undefined` for none */
  expireOne(nowMs: number): number | undefined {
    const [oldest] = this.#running;
    if (oldest === undefined || oldest.expiresMs > nowMs) return undefined;
    this.settle(oldest, false);
    return oldest.expiresMs;
  }

  /** Milliseconds until the oldest probe's lease is over; 0 when none runs. */
  leaseLeftMs(nowMs: number): number {
    const [oldest] = this.#running;
    return oldest === undefined ? 0 : Math.max(0, oldest.expiresMs - nowMs);
  }

  get verdict(): Verdict {
    if (this.#succeeded >= this.#needed) return "recovered";
    return this.#failed > this.#rule.permits - this.#needed ? "failed" : "undecided";
  }
}
