/** Part of the mean that one piece of work decides. */
const WEIGHT = 0.05;

/** Moving average of how long work takes, in milliseconds. */
export class MeanDuration {
  #meanMs: number | undefined;

  /** `undefined` before the first piece of work has ended. */
  get ms(): number | undefined {
    return this.#meanMs;
  }

  add(durationMs: number): void {
    this.#meanMs = this.#meanMs === undefined ? durationMs : this.#meanMs + (durationMs - this.#meanMs) * WEIGHT;
  }
}
