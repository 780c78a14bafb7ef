import type { JobCancelled, LeaseLost } from "./errors.js";
import type { LeaseEnd } from "./store.js";

/** Tells a run that its lease is over. An `AbortSignal` with a listener would cost more than all else that a short job does. */
export class LeaseAbort implements LeaseEnd {
  #reason: JobCancelled | LeaseLost | undefined;
  #listener: ((reason: JobCancelled | LeaseLost) => void) | undefined;

  /** The first reason holds. */
  abort(reason: JobCancelled | LeaseLost): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#listener?.(reason);
  }

  onAbort(listener: (reason: JobCancelled | LeaseLost) => void): void {
    this.#listener = listener;
    if (this.#reason !== undefined) listener(this.#reason);
  }
}
