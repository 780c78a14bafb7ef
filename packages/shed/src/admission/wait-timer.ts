import { inRootContext } from "@scale/core/kit";

/** Waits that end this close together end together. */
const STEP_MS = 5;

/** One timer for the ends of all waits. */
export class WaitTimer {
  readonly #onTime: () => void;
  #timer: NodeJS.Timeout | undefined;
  #atMs = Infinity;

  constructor(onTime: () => void) {
    this.#onTime = onTime;
  }

  /** Calls back at `atMs`, or sooner. Both are times of the caller's monotonic clock. */
  arm(atMs: number, nowMs: number): void {
    if (atMs >= this.#atMs) return;
    clearTimeout(this.#timer);
    this.#atMs = atMs;
    this.#timer = inRootContext(() => setTimeout(() => this.#end(), atMs - nowMs + STEP_MS));
  }

  #end(): void {
    this.#timer = undefined;
    this.#atMs = Infinity;
    this.#onTime();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#atMs = Infinity;
  }
}
