import type { Clock } from "@scale/core";
import type { SetTimer } from "./types.js";

/** One timer, which is moved when the time that it is set for changes. */
export class DueTimer {
  readonly #clock: Clock;
  readonly #setTimer: SetTimer;
  readonly #onDue: () => void;
  #at = Infinity;
  #cancel: (() => void) | undefined;

  constructor(parts: { readonly clock: Clock; readonly setTimer: SetTimer }, onDue: () => void) {
    this.#clock = parts.clock;
    this.#setTimer = parts.setTimer;
    this.#onDue = onDue;
  }

  /** @param at monotonic milliseconds; `Infinity` for never */
  set(at: number): void {
    if (at === this.#at) return;
    this.#cancel?.();
    this.#at = at;
    this.#cancel = at === Infinity ? undefined : this.#start(at);
  }

  #start(at: number): () => void {
    return this.#setTimer(Math.max(0, at - this.#clock.monotonic()), () => {
      this.#at = Infinity;
      this.#onDue();
    });
  }
}
