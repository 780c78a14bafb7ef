import type { LoopDelay } from "./delay.js";
import { fairLevel } from "./fair-level.js";
import type { LoopReading } from "./loop-meter.js";

export interface BrakeOptions {
  /** Delay of the event loop above which the brake works, in milliseconds. */
  readonly targetMs: number;
  readonly delay: LoopDelay;
  readonly onChange: (isBraking: boolean, delayMs: number) => void;
}

/** One tenant in one round. */
interface Demand {
  weight: number;
  /** Cost that it asked for, and that was let through. */
  asked: number;
  passed: number;
  /** Largest cost of one request. */
  largest: number;
  /** Unused part of the last share: a share that is smaller than a request adds up over rounds. */
  readonly carried: number;
}

const ROUND_MS = 100;
/**
 * Times the target for which the event loop must be late on end before the brake works. One pause, as of a garbage collection,
 * makes it late, and so do the requests that came meanwhile: the capacity is still there.
 */
const LATE_FACTOR = 5;
const SLOWER = 0.9;
const FASTER = 1.05;
/** Part of the rate below which the demand lets the brake go. */
const CALM = 0.9;

/**
 * Limits the rate of admissions while the event loop is late. Work that keeps the processor busy without waiting for anything
 * is never in progress beside other work, so that no limit of concurrency can see it.
 * The rate of a round of a tenth of a second is shared max-min fairly: a tenant that asks for less than its share is not
 * limited, and the others share the rest by weight.
 */
export class LoopBrake {
  readonly #options: BrakeOptions;
  #demands = new Map<string, Demand>();
  #lastDemands: ReadonlyMap<string, Demand> = new Map();
  #startMs: number;
  #asked = 0;
  #passed = 0;
  /** Cost per millisecond; Infinity while the brake is off. */
  #rate = Infinity;
  /** Cost of a round for each unit of weight. */
  #level = Infinity;
  #lastLevel = Infinity;
  #delayMs = 0;

  constructor(options: BrakeOptions, nowMs: number) {
    this.#options = options;
    this.#startMs = nowMs;
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  get isBraking(): boolean {
    return this.#rate < Infinity;
  }

  /** Ends a round that is over. */
  update(nowMs: number): void {
    if (nowMs - this.#startMs >= ROUND_MS) this.#nextRound(nowMs);
  }

  /** @returns false when the tenant has had its share of this round */
  passes(tenantId: string, { cost, weight, nowMs }: { cost: number; weight: number; nowMs: number }): boolean {
    this.#options.delay.note(nowMs);
    this.update(nowMs);
    const demand = this.#demandOf(tenantId, cost);
    demand.weight = weight;
    demand.asked += cost;
    if (cost > demand.largest) demand.largest = cost;
    this.#asked += cost;
    if (demand.passed + cost > this.#shareOf(demand)) return false;
    demand.passed += cost;
    this.#passed += cost;
    return true;
  }

  #shareOf({ weight, carried }: Demand): number {
    return this.#level * weight + carried;
  }

  /** The demand of this round. The first request of a tenant without a demand in the last round passes. */
  #demandOf(tenantId: string, cost: number): Demand {
    let demand = this.#demands.get(tenantId);
    if (demand !== undefined) return demand;
    const last = this.#lastDemands.get(tenantId);
    const unused = last === undefined ? cost : Math.max(0, this.#lastLevel * last.weight + last.carried - last.passed);
    const carried = Math.min(unused, last?.largest ?? cost);
    demand = { weight: 1, asked: 0, passed: 0, largest: 0, carried };
    this.#demands.set(tenantId, demand);
    return demand;
  }

  #nextRound(nowMs: number): void {
    const elapsedMs = nowMs - this.#startMs;
    const { delay, onChange } = this.#options;
    const wasBraking = this.isBraking;
    const reading = delay.read(nowMs);
    this.#delayMs = reading.delayMs;
    this.#adaptRate(elapsedMs, reading);
    this.#lastLevel = this.#level;
    this.#level = this.isBraking ? fairLevel([...this.#demands.values()], this.#rate * elapsedMs) : Infinity;
    // The round that begins may be shorter than the one that ended.
    this.#level *= ROUND_MS / elapsedMs;
    this.#lastDemands = this.#demands;
    this.#demands = new Map();
    this.#asked = 0;
    this.#passed = 0;
    this.#startMs = nowMs;
    if (wasBraking !== this.isBraking) onChange(this.isBraking, this.#delayMs);
  }

  #adaptRate(elapsedMs: number, { lateForMs }: LoopReading): void {
    if (lateForMs > 0) {
      if (!this.isBraking && lateForMs < LATE_FACTOR * this.#options.targetMs) return;
      const rate = Math.min(this.#rate, this.#passed / elapsedMs);
      this.#rate = Math.max(rate * SLOWER, 1 / ROUND_MS);
    } else if (this.#asked / elapsedMs < this.#rate * CALM) this.#rate = Infinity;
    else this.#rate *= FASTER;
  }
}
