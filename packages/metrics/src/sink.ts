import type { Delta } from "./deltas/delta-reader.js";
import type { MetricSnapshot } from "./snapshot.js";

/** Readings of the metrics for one sink. */
export interface SinkSource {
  /**
   * Everything that was recorded since this sink's last call, in slices of the event loop.
   * @param names metrics to read, all without them
   */
  deltas(names?: ReadonlySet<string>): AsyncIterable<Delta>;
  /** The state of every series. */
  snapshot(): AsyncIterable<MetricSnapshot>;
  /** Reports a failure of the sink: it is published as `scale:metrics:sink-fail`. */
  fail(error: unknown): void;
}

/** Sends metrics to another system. Start it with the option `sinks` of `createMetrics`. */
export interface MetricsSink {
  readonly name: string;
  /** Called once, by `createMetrics`. */
  start(source: SinkSource): void;
  /** Sends everything that was recorded until now, and ends. */
  close(): Promise<void>;
}
