import type { EngineHooks } from "./engine/contract.js";
import type { Breaker, BreakerMode, BreakerState } from "./types.js";

/** A breaker and its place in the registry. */
export class Entry implements EngineHooks {
  readonly #counts: OpenCounts;
  #isOpen = false;
  #isKept = true;
  breaker!: Breaker;
  /** Mode by the options of its key. */
  usualMode: BreakerMode = "auto";
  /** When it was last used, for one that is kept because it is open. */
  usedMs = 0;

  constructor(counts: OpenCounts) {
    this.#counts = counts;
  }

  /** True when its mode was set by hand. */
  get isManual(): boolean {
    return this.breaker.mode !== this.usualMode;
  }

  mayOpen(): boolean {
    return !this.#isKept || this.#counts.mayOpenOneMore();
  }

  onStateChange(_from: BreakerState, to: BreakerState): void {
    this.#setOpen(this.#isKept && (to === "open" || to === "half-open"));
  }

  /** A call that still runs may open it later: that must not count. */
  drop(): void {
    this.#isKept = false;
    this.#setOpen(false);
  }

  #setOpen(isOpen: boolean): void {
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#counts.open += isOpen ? 1 : -1;
  }
}

/** Breakers of a registry that are open, and how many may be. */
export class OpenCounts {
  readonly #fraction: number;
  readonly #size: () => number;
  open = 0;

  constructor(fraction: number, size: () => number) {
    this.#fraction = fraction;
    this.#size = size;
  }

  mayOpenOneMore(): boolean {
    return this.open + 1 <= Math.max(1, Math.floor(this.#fraction * this.#size()));
  }
}
