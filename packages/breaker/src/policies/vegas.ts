import { nextLimit, type VegasOptions, type VegasWindow } from "./next-limit.js";

/** Time for which a low latency counts as the one without a queue. */
const EPOCH_MS = 30_000;
/** Samples that are enough when a window lasts a second. */
const FEW = 10;
const WINDOW_MS = 1000;

/** Collects latencies into windows, and moves the limit once for each. */
export class Vegas {
  readonly #options: VegasOptions;
  readonly #samples: number[] = [];
  #limit: number;
  #windowStartMs: number;
  #epochStartMs: number;
  #maxInFlight = 0;
  #wasOverloaded = false;
  /** Lowest median of this epoch and of the last one. */
  #lowestMs = Infinity;
  #lastLowestMs = Infinity;

  constructor(options: VegasOptions, nowMs: number) {
    this.#options = options;
    this.#limit = options.initial;
    this.#windowStartMs = nowMs;
    this.#epochStartMs = nowMs;
  }

  get limit(): number {
    return this.#limit;
  }

  noteInFlight(inFlight: number): void {
    if (inFlight > this.#maxInFlight) this.#maxInFlight = inFlight;
  }

  noteOverload(): void {
    this.#wasOverloaded = true;
  }

  /** @returns the window that this sample completed, after which the limit may have moved */
  sample(nowMs: number, latencyMs: number): VegasWindow | undefined {
    this.#samples.push(latencyMs);
    return this.#isFull(nowMs) ? this.#closeWindow(nowMs) : undefined;
  }

  /** Closes a window without enough successes: an overload must lower the limit even if no call succeeds. */
  closeOverloaded(nowMs: number): VegasWindow | undefined {
    return nowMs - this.#windowStartMs >= WINDOW_MS ? this.#closeWindow(nowMs) : undefined;
  }

  #isFull(nowMs: number): boolean {
    const { length } = this.#samples;
    return length >= this.#options.windowCalls || (length >= FEW && nowMs - this.#windowStartMs >= WINDOW_MS);
  }

  #closeWindow(nowMs: number): VegasWindow {
    const latencyMs = medianOf(this.#samples);
    if (nowMs - this.#epochStartMs >= EPOCH_MS) {
      this.#lastLowestMs = this.#lowestMs;
      this.#lowestMs = Infinity;
      this.#epochStartMs = nowMs;
    }
    if (latencyMs > 0) this.#lowestMs = Math.min(this.#lowestMs, latencyMs);
    const baselineMs = Math.min(this.#lowestMs, this.#lastLowestMs, latencyMs);
    const window = { latencyMs, baselineMs, maxInFlight: this.#maxInFlight, wasOverloaded: this.#wasOverloaded };
    this.#limit = latencyMs > 0 || this.#wasOverloaded ? nextLimit(this.#limit, window, this.#options) : this.#limit;
    this.#samples.length = 0;
    this.#maxInFlight = 0;
    this.#wasOverloaded = false;
    this.#windowStartMs = nowMs;
    return window;
  }
}

/** 0 for no values. The values of one window: their number is bounded. */
function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
