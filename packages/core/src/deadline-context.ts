import { AsyncLocalStorage } from "node:async_hooks";
import { type Clock, systemClock } from "./clock.js";
import { describeValue } from "./describe-value.js";

interface DeadlineContext {
  readonly endMs: number;
  readonly clock: Clock;
}

// One storage per process, also when the package is installed twice. Created by the first `run`: before Node 24 every
// promise of a process takes longer once a storage is in use.
const slot: unique symbol = Symbol.for("@scale/deadline");
const shared = globalThis as { [slot]?: AsyncLocalStorage<DeadlineContext> };

/** The deadline of the current work. It follows every `await`, timer and stream that the work starts. */
export const deadline: {
  /**
   * Runs `fn`, and everything it starts, with this much time. An outer deadline that ends earlier stays. Nothing is stopped
   * at the deadline: the calls inside read it and end themselves.
   * @param timeoutMs milliseconds from now, 0 or more; 0 has passed already
   * @throws {TypeError} for anything else
   */
  run<T>(timeoutMs: number, fn: () => T, clock?: Clock): T;
  /** Milliseconds that the current work has left, never below 0; `Infinity` outside of `run`. */
  remainingMs(): number;
} = {
  run(timeoutMs, fn, clock = systemClock) {
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) {
      throw new TypeError(`deadline.run: timeoutMs: expected a number >= 0, got ${describeValue(timeoutMs)}`);
    }
    const endMs = clock.monotonic() + Math.min(timeoutMs, deadline.remainingMs());
    return (shared[slot] ??= new AsyncLocalStorage()).run({ endMs, clock }, fn);
  },
  remainingMs() {
    const context = shared[slot]?.getStore();
    return context === undefined ? Infinity : Math.max(0, context.endMs - context.clock.monotonic());
  },
};
