import { monitorEventLoopDelay } from "node:perf_hooks";

/** Measures how late the event loop is. */
export interface LoopDelay {
  /** Milliseconds since the last call, 90th percentile. */
  read(): number;
  close(): void;
}

const RESOLUTION_MS = 10;

/** Measures with the histogram of Node, whose timer keeps no process alive. */
export function eventLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    read() {
      // The histogram holds the time between two ticks of its timer, in nanoseconds.
      const delayMs = histogram.count === 0 ? 0 : histogram.percentile(90) / 1e6 - RESOLUTION_MS;
      histogram.reset();
      return Math.max(0, delayMs);
    },
    close: () => void histogram.disable(),
  };
}
