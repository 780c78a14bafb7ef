import type { BreakerState } from "../src/types.js";

export interface ModelRule {
  readonly windowMs: number;
  readonly buckets: number;
  readonly failureRate: number;
  readonly minimumCalls: number;
  readonly consecutiveFailures: number | undefined;
  readonly baseMs: number;
  readonly maxMs: number;
  readonly permits: number;
  readonly successRate: number;
  readonly leaseMs: number;
  readonly rampMs: number;
}

/** A call that the model admitted. */
export interface ModelCall {
  readonly period: number;
  readonly probe: { readonly expiresMs: number; state: "running" | "succeeded" | "failed" | "released" } | undefined;
}

/**
 * The breaker as its documentation describes it, without any of its shortcuts: every settled call is kept, and every count is
 * made anew.
 */
export class ModelBreaker {
  readonly #rule: ModelRule;
  #state: BreakerState = "closed";
  /** Raised by every change but the end of a ramp: calls of an earlier period do not count. */
  #period = 0;
  #settled: { atMs: number; failed: boolean }[] = [];
  /** Outcomes since the window was empty for the last time. */
  #sinceEmpty: boolean[] = [];
  #probes: NonNullable<ModelCall["probe"]>[] = [];
  #untilMs = 0;
  #rampSinceMs = 0;
  #credit = 0;
  #openings = 0;
  #closedSinceMs = 0;

  constructor(rule: ModelRule) {
    this.#rule = rule;
  }

  look(nowMs: number): object {
    this.#due(nowMs);
    const counted = this.#counted(nowMs);
    return {
      state: this.#state,
      calls: counted.length,
      failures: counted.filter(({ failed }) => failed).length,
      openings: this.#openings,
      retryAfterMs: this.#state === "open" ? this.#untilMs - nowMs : 0,
    };
  }

  /** @returns `undefined` for a refused call */
  begin(nowMs: number): ModelCall | undefined {
    this.#due(nowMs);
    if (this.#state === "open") return undefined;
    if (this.#state === "ramping") {
      this.#credit += this.#share(nowMs);
      if (this.#credit < 1) return undefined;
      this.#credit = Math.min(1, this.#credit - 1);
    }
    if (this.#state !== "half-open") return { period: this.#period, probe: undefined };
    if (this.#probes.filter(({ state }) => state !== "released").length >= this.#rule.permits) return undefined;
    const probe: NonNullable<ModelCall["probe"]> = { expiresMs: nowMs + this.#rule.leaseMs, state: "running" };
    this.#probes.push(probe);
    return { period: this.#period, probe };
  }

  settle(nowMs: number, { period, probe }: ModelCall, outcome: "success" | "failure" | "cancelled"): void {
    // Only a probe makes the breaker look at its clock, as a call does.
    if (probe !== undefined) this.#due(nowMs);
    if (period !== this.#period) return;
    if (probe !== undefined) return this.#settleProbe(nowMs, probe, outcome);
    if (outcome === "cancelled") return;
    if (this.#counted(nowMs).length === 0) this.#sinceEmpty = [];
    this.#sinceEmpty.push(outcome === "failure");
    this.#settled.push({ atMs: nowMs, failed: outcome === "failure" });
    const counted = this.#counted(nowMs);
    const failures = counted.filter(({ failed }) => failed).length;
    const { minimumCalls, failureRate, consecutiveFailures = Infinity } = this.#rule;
    const inARow = this.#sinceEmpty.length - 1 - this.#sinceEmpty.lastIndexOf(false);
    const isRateReached = counted.length >= minimumCalls && failures > 0 && failures / counted.length >= failureRate;
    if (isRateReached || inARow >= consecutiveFailures) this.#open(nowMs);
  }

  reset(nowMs: number): void {
    this.#enter("closed");
    this.#openings = 0;
    this.#closedSinceMs = nowMs;
  }

  #settleProbe(
    nowMs: number,
    probe: NonNullable<ModelCall["probe"]>,
    outcome: "success" | "failure" | "cancelled",
  ): void {
    if (probe.state !== "running") return;
    if (outcome === "cancelled") probe.state = "released";
    else probe.state = outcome === "success" ? "succeeded" : "failed";
    this.#decide(nowMs);
  }

  #decide(nowMs: number): void {
    const { permits, successRate, rampMs } = this.#rule;
    const needed = Math.ceil(permits * successRate);
    if (this.#probes.filter(({ state }) => state === "succeeded").length >= needed) {
      this.#closedSinceMs = nowMs;
      this.#rampSinceMs = nowMs;
      this.#credit = 1;
      this.#enter(rampMs > 0 ? "ramping" : "closed");
    } else if (this.#probes.filter(({ state }) => state === "failed").length > permits - needed) this.#open(nowMs);
  }

  #due(nowMs: number): void {
    for (;;) {
      const expired = this.#probes.find(({ state, expiresMs }) => state === "running" && expiresMs <= nowMs);
      if (this.#state === "open" && nowMs >= this.#untilMs) this.#enter("half-open");
      else if (this.#state === "half-open" && expired !== undefined) {
        expired.state = "failed";
        this.#decide(expired.expiresMs);
      } else break;
    }
    if (this.#state === "ramping" && this.#share(nowMs) >= 1) this.#state = "closed";
  }

  #open(nowMs: number): void {
    const { baseMs, maxMs } = this.#rule;
    const waitMs = (openings: number): number => Math.min(maxMs, baseMs * 2 ** (openings - 1));
    if (this.#state !== "half-open" && nowMs - this.#closedSinceMs >= waitMs(this.#openings + 1)) this.#openings = 0;
    this.#openings += 1;
    this.#untilMs = nowMs + waitMs(this.#openings);
    this.#enter("open");
  }

  #enter(state: BreakerState): void {
    this.#state = state;
    this.#period += 1;
    this.#settled = [];
    this.#sinceEmpty = [];
    this.#probes = [];
  }

  #share(nowMs: number): number {
    const passed = (nowMs - this.#rampSinceMs) / this.#rule.rampMs;
    return passed >= 1 ? 1 : 0.1 + 0.9 * passed;
  }

  #counted(nowMs: number): { atMs: number; failed: boolean }[] {
    const { windowMs, buckets } = this.#rule;
    const bucketOf = (ms: number): number => Math.floor(ms / (windowMs / buckets));
    return this.#settled.filter(({ atMs }) => bucketOf(nowMs) - bucketOf(atMs) < buckets);
  }
}
