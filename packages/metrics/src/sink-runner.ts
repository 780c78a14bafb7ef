import { ConfigError } from "@scale/core";
import { createDeadline } from "@scale/core/kit";
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

/** A sink may send what is left for so long when the metrics are closed. */
const CLOSE_MS = 5000;
const started = new WeakSet<MetricsSink>();

/**
 * Starts the sinks, each with readings of its own.
 * @returns a function that lets each of them send what is left, and ends them. It never rejects, and waits five seconds at most
 * @throws {ConfigError} for a sink that was started before: it sends the readings of one `createMetrics`
 */
export function runSinks(sinks: readonly MetricsSink[], context: SinkContext): () => Promise<void> {
  const running: RunningSink[] = [];
  try {
    for (const sink of sinks) running.push(startSink(sink, context));
  } catch (error) {
    void closeAll(running, context);
    throw error;
  }
  return () => closeAll(running, context);
}

interface RunningSink {
  readonly sink: MetricsSink;
  /** Ends the readings. */
  readonly end: () => void;
}

function startSink(sink: MetricsSink, context: SinkContext): RunningSink {
  if (started.has(sink))
    throw new ConfigError(`sink ${sink.name}: expected one that was not started, got one that was`);
  started.add(sink);
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
  return { sink, end: () => reader?.close() };
}

async function closeAll(running: readonly RunningSink[], { onFail }: SinkContext): Promise<void> {
  const withinDeadline = createDeadline(CLOSE_MS);
  await Promise.all(
    running.map(async ({ sink, end }) => {
      try {
        await withinDeadline((async () => sink.close())(), `close of sink ${sink.name}`);
      } catch (error) {
        onFail(sink.name, error);
      } finally {
        end();
      }
    }),
  );
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
