import type { Limit } from "./limit.js";

export interface ThroughputLimitOptions {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** One stretch of time during which requests found no room. Logarithms, so that their slope is an elasticity. */
interface Stretch {
  readonly inFlight: number;
  readonly throughput: number;
}

/** Releases and milliseconds that make up a stretch: fewer say little, and more adapt slowly. */
const RELEASES = 100;
const STRETCH_MS = 100;
/** A stretch with few releases ends after this time. */
const LONG_STRETCH_MS = 1000;
const FEW_RELEASES = 10;
/** Stretches whose slope decides. */
const STRETCHES = 10;
/** Part of the requests that must have found no room: without it, the limit did not limit anything. */
const SATURATED = 0.02;
/** Least elasticity for which the limit rises: with 10 % more in progress, 2 % more is done. */
const USEFUL = 0.2;
const UP = 1.1;
const DOWN = 0.95;
/** Least spread of the logarithms from which a slope can be read. */
const SPREAD = 0.03;

/**
 * Finds the concurrency above which nothing more is done. While requests find no room, it raises and lowers the limit, and
 * compares how much was in progress with how much was done: as long as throughput follows concurrency, work waits for nothing
 * here, and the limit rises. When throughput stays the same, more concurrency only makes each request wait, and it falls.
 *
 * It needs no latency of an idle process to compare with, as TCP Vegas and its descendants do: routes of 2 ms and of 2 s
 * may pass through one limit, and their mix may change.
 *
 * Source: Heiss and Wagner 1991, "Adaptive load control in transaction processing systems" (hill climbing), with the slope by
 * least squares over the last stretches, because single steps drown in noise.
 */
export class ThroughputLimit implements Limit {
  readonly #options: ThroughputLimitOptions;
  readonly #stretches: Stretch[] = [];
  #limit: number;
  #startMs: number;
  #releases = 0;
  #noRoom = 0;
  /** Integral of the cost in progress over the stretch. */
  #area = 0;
  #inFlight = 0;
  #seenMs: number;
  #probeUp = true;

  constructor(options: ThroughputLimitOptions, nowMs: number) {
    this.#options = options;
    this.#limit = options.initial;
    this.#startMs = nowMs;
    this.#seenMs = nowMs;
  }

  get current(): number {
    return Math.floor(this.#limit);
  }

  onInFlight(inFlight: number, nowMs: number): void {
    this.#area += this.#inFlight * (nowMs - this.#seenMs);
    this.#seenMs = nowMs;
    this.#inFlight = inFlight;
  }

  onNoRoom(): void {
    this.#noRoom++;
  }

  onRelease(nowMs: number): boolean {
    this.#releases++;
    const elapsedMs = nowMs - this.#startMs;
    const isOver = this.#releases >= RELEASES && elapsedMs >= STRETCH_MS;
    if (!isOver && !(elapsedMs >= LONG_STRETCH_MS && this.#releases >= FEW_RELEASES)) return false;
    const before = this.current;
    this.#closeStretch(elapsedMs, nowMs);
    return this.current !== before;
  }

  #closeStretch(elapsedMs: number, nowMs: number): void {
    this.onInFlight(this.#inFlight, nowMs);
    if (this.#noRoom > this.#releases * SATURATED) {
      const inFlight = Math.log(Math.max(this.#area / elapsedMs, Number.MIN_VALUE));
      this.#stretches.push({ inFlight, throughput: Math.log(this.#releases / elapsedMs) });
      if (this.#stretches.length > STRETCHES) this.#stretches.shift();
      this.#move();
    } else this.#stretches.length = 0;
    this.#startMs = nowMs;
    this.#releases = 0;
    this.#noRoom = 0;
    this.#area = 0;
  }

  #move(): void {
    const slope = slopeOf(this.#stretches);
    if (slope === undefined) this.#probeUp = !this.#probeUp;
    const isUp = slope === undefined ? !this.#probeUp : slope >= USEFUL;
    const { min, max } = this.#options;
    const next = isUp ? Math.max(this.#limit * UP, this.#limit + 1) : Math.min(this.#limit * DOWN, this.#limit - 1);
    this.#limit = Math.min(max, Math.max(min, next));
  }
}

/** Elasticity of the throughput; `undefined` when the stretches are too few or too much alike. */
function slopeOf(stretches: readonly Stretch[]): number | undefined {
  const count = stretches.length;
  if (count < 3) return undefined;
  const mean = (of: (stretch: Stretch) => number): number =>
    stretches.reduce((sum, stretch) => sum + of(stretch), 0) / count;
  const meanX = mean(({ inFlight }) => inFlight);
  const meanY = mean(({ throughput }) => throughput);
  const variance = mean(({ inFlight }) => (inFlight - meanX) ** 2);
  if (Math.sqrt(variance) < SPREAD) return undefined;
  return mean(({ inFlight, throughput }) => (inFlight - meanX) * (throughput - meanY)) / variance;
}
