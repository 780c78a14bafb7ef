import type { Clock } from "@scale/core";
import { createSlots } from "./semaphore.js";

/** Spreads loads over time. They are taken before it is known whether they are needed, and given back when not. */
export interface Pace {
  /** Loads that may be taken together. */
  readonly most: number;
  /** Resolves when there are so many, or when the signal is aborted. */
  take(count: number, signal: AbortSignal): Promise<void>;
  giveBack(count: number): void;
}

/** Together with what is gained meanwhile, a burst must not exceed the second's loads. */
const BURST = 0.1;

export function createPace(perSecond: number, clock: Clock): Pace {
  if (perSecond === Infinity) return { most: Infinity, take: async () => undefined, giveBack: () => undefined };
  const most = Math.max(1, Math.floor(perSecond * BURST));
  const perMs = (most === 1 ? perSecond : perSecond - most) / 1000;
  // One waits for time, the others for it.
  const line = createSlots(1);
  let loads = most;
  let at = clock.monotonic();
  let wake: (() => void) | undefined;

  function lackMs(count: number): number {
    const now = clock.monotonic();
    loads = Math.min(most, loads + (now - at) * perMs);
    at = now;
    // What is added up in parts is a little less than the whole.
    return Math.max(0, count - loads - 1e-6) / perMs;
  }

  async function waitFor(count: number, signal: AbortSignal): Promise<void> {
    for (let ms = lackMs(count); ms > 0 && !signal.aborted; ms = lackMs(count)) await pause(ms, signal);
  }

  function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        wake = undefined;
        resolve();
      };
      const timer = setTimeout(end, Math.min(Math.ceil(ms), MAX_PAUSE_MS));
      signal.addEventListener("abort", end);
      wake = end;
    });
  }

  return {
    most,
    async take(count, signal) {
      await line.take();
      await waitFor(count, signal);
      loads -= count;
      line.give();
    },
    giveBack(count) {
      loads += count;
      wake?.();
    },
  };
}

/** Then it looks again. */
const MAX_PAUSE_MS = 1000;
