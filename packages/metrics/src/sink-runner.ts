import { type Delta, DeltaReader } from "./deltas/delta-reader.js";
import type { Slicer } from "./exposition/slices.js";
import type { Registry } from "./instruments/registry.js";
import type { MetricsSink } from "./sink.js";
import { type MetricSnapshot, snapshotOf } from "./snapshot.js";

export interface SinkContext {
  readonly registry: Registry;
  readonly slicer: () => Slicer;
  /** Sets the gauges that are read on demand. */
  readonly collect: () => Promise<void>;
  readonly onFail: (sink: string, error: unknown) => void;
}

/**
 * Starts the sinks, each with readings of its own.
 * @returns a function that lets each of them send what is left, and ends them
 */
export function runSinks(sinks: readonly MetricsSink[], context: SinkContext): () => Promise<void> {
  const readers = sinks.map((sink) => {
    let reader: DeltaReader | undefined;
    sink.start({
      async *deltas(names) {
        await context.collect();
        reader ??= new DeltaReader(context.registry);
        yield* inSlices(reader.read(names), context);
      },
      snapshot: () => snapshots(context),
      fail: (error) => context.onFail(sink.name, error),
    });
    return () => reader?.close();
  });
  return async () => {
    const closed = await Promise.allSettled(sinks.map(async (sink) => sink.close()));
    closed.forEach((result, i) => {
      if (result.status === "rejected") context.onFail(sinks[i]?.name ?? "sink", result.reason);
    });
    for (const close of readers) close();
  };
}

async function* inSlices(deltas: Iterable<Delta>, { slicer }: SinkContext): AsyncGenerator<Delta> {
  const slices = slicer();
  for (const delta of deltas) {
    yield delta;
    if (slices.isOver()) await slices.pause();
  }
}

async function* snapshots({ registry, slicer, collect }: SinkContext): AsyncGenerator<MetricSnapshot> {
  await collect();
  const release = registry.slots.hold();
  const slices = slicer();
  try {
    for (const metric of [...registry.metrics]) yield await snapshotOf(metric, registry, slices);
  } finally {
    release();
  }
}
