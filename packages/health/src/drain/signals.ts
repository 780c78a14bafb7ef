import { constants } from "node:os";
import type { Clock } from "@scale/core";

export type DrainSignal = "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT";

export interface SignalOptions {
  /** @default ["SIGTERM", "SIGINT"] */
  readonly signals?: readonly DrainSignal[];
  /**
   * Ends the process after the drain, with code 0 when it was clean and 1 when requests were cut off or a resource did not
   * close. `false` leaves that to the application.
   * @default true
   */
  readonly exit?: boolean;
}

interface SignalDrain {
  /** Never rejects. */
  readonly start: (signal: DrainSignal) => Promise<{ readonly isClean: boolean }>;
  readonly clock: Clock;
}

/** A terminal and the package manager that started the process may both send the signal. */
const SAME_SIGNAL_MS = 1_000;

/**
 * Drains on the first signal. A second signal, later than a second after the first, ends the process at once, with the code
 * that shells give it (130 for SIGINT).
 * @returns a function that takes the listeners off
 */
export function drainOnSignals({ start, clock }: SignalDrain, options: Required<SignalOptions>): () => void {
  let firstAt: number | undefined;
  const onSignal = (signal: DrainSignal): void => {
    const now = clock.monotonic();
    if (firstAt !== undefined) {
      if (now - firstAt >= SAME_SIGNAL_MS) process.exit(128 + constants.signals[signal]);
      return;
    }
    firstAt = now;
    void start(signal).then(({ isClean }) => {
      if (options.exit) process.exit(isClean ? 0 : 1);
    });
  };
  for (const signal of options.signals) process.on(signal, onSignal);
  return () => {
    for (const signal of options.signals) process.off(signal, onSignal);
  };
}
