import { performance } from "node:perf_hooks";
import type { EventChannel } from "@scale/core";

/**
 * State of a part of the process: true or 1 for trouble, false or 0 for none, and anything between for a load.
 * `() => breaker.state === "open"` is one. With `subscribe` a change takes effect at once; otherwise within the sampling
 * interval.
 */
export type Signal =
  | (() => boolean | number)
  | {
      read(): boolean | number;
      /** Calls `onChange` when `read` may return another value. @returns a function that ends it */
      subscribe(onChange: () => void): () => void;
    };

/** Share of time, 0 to 1, for which the event loop was busy since the last sample. */
export function eventLoopUtilization(): Signal {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

/**
 * Share, 0 to 1, of the events since the last sample that `counts` accepts. Needs `minEvents` events for a sample, and reads 0
 * with fewer: one denied request at night is not a trend.
 * @param channel any event channel, such as `requestDecide` of `@scale/rate-limit`
 */
export function shareOfEvents<T>(
  channel: Pick<EventChannel<T>, "subscribe">,
  counts: (message: T) => boolean,
  { minEvents = 20 }: { readonly minEvents?: number } = {},
): Signal & { close(): void } {
  let [all, counted] = [0, 0];
  const close = channel.subscribe((message) => {
    all++;
    if (counts(message)) counted++;
  });
  const read = (): number => {
    const share = all < minEvents ? 0 : counted / all;
    // Fewer events wait for the next sample.
    if (all >= minEvents) [all, counted] = [0, 0];
    return share;
  };
  return Object.assign(read, { close });
}
