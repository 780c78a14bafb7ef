import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { createMetrics } from "@scale/metrics";
import { conserve, lateTenant } from "@scale/metrics/scenarios";
import { judge, type Line, type SectionOptions, seededRandom } from "@scale/testkit";
import { line } from "../bound.js";

const SEED = 20261130;
const MAX = 500;
const TENANTS = 100_000;

/** Do the series of tenants add up at every scrape, and does a tenant that becomes heavy late get its own? */
export async function* conservation({ smoke }: SectionOptions): AsyncIterable<Line> {
  yield* sums(smoke);
  yield* memory(smoke);
  yield* late(smoke ? 2 : 100);
}

async function* sums(smoke: boolean): AsyncIterable<Line> {
  const scrapes = smoke ? 5 : 200;
  const eventsPerScrape = smoke ? 2000 : 20_000;
  const max = smoke ? 20 : 100;
  const found = await conserve({ seed: SEED, tenants: TENANTS, max, scrapes, eventsPerScrape });
  const about = `conservation: ${TENANTS} tenants at random, ${max} with series, ${scrapes} scrapes (seed ${SEED})`;
  yield line({
    proof: `${about}, events`,
    unit: "events",
    value: found.events,
    bound: { atLeast: scrapes * eventsPerScrape },
  });
  yield line({
    proof: `${about}, scrapes whose sum differs`,
    unit: "scrapes",
    value: found.wrongSums,
    bound: { atMost: 0 },
  });
  yield line({
    proof: `${about}, series that went down`,
    unit: "series",
    value: found.decreases,
    bound: { atMost: 0 },
  });
  yield line({
    proof: `${about}, most series of a metric`,
    unit: "series",
    value: found.mostSeries,
    bound: { atMost: max + 2 },
  });
  yield line({
    proof: `${about}, tenants that lost and regained series`,
    unit: "tenants",
    value: found.returns,
    bound: { atLeast: 1 },
  });
}

/** Resident memory after a tenth of the events, and after all of them. */
function* memory(smoke: boolean): Iterable<Line> {
  const events = smoke ? 100_000 : 10_000_000;
  const random = seededRandom(SEED);
  const metrics = createMetrics({ tenants: { max: MAX }, events: false, process: false });
  const histogram = metrics.tenants.histogram({ name: "a_seconds", help: "A." }).bind({});
  const ids = Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`);
  const send = (count: number): number => {
    for (let i = 0; i < count; i++) histogram.observe(ids[Math.floor(random() * TENANTS)], random());
    return process.memoryUsage().rss / 2 ** 20;
  };
  const early = send(events / 10);
  const grown = send(events - events / 10) - early;
  yield line({
    ...{
      proof: `conservation: ${events} events of ${TENANTS} tenants, growth of RSS after the first tenth`,
      unit: "MiB",
    },
    ...{ value: grown, bound: { atMost: 16 } },
  });
}

async function* late(seeds: number): AsyncIterable<Line> {
  let ours = 0;
  let peer = 0;
  let slowestMs = 0;
  let windowMs = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const otel = startOtel();
    const found = lateTenant(seed, otel.add);
    if (found.visibleAfterMs !== undefined) ours++;
    slowestMs = Math.max(slowestMs, found.visibleAfterMs ?? Number.POSITIVE_INFINITY);
    windowMs = found.windowMs;
    if (await otel.hasSeries("late")) peer++;
  }
  const about = `conservation: a tenant heavy after an hour, ${seeds} seeds`;
  yield line({
    proof: `${about}, with a series within one window`,
    unit: "seeds",
    value: ours,
    bound: { atLeast: seeds },
  });
  yield line({ proof: `${about}, slowest`, unit: "ms", value: slowestMs, bound: { atMost: windowMs } });
  const { gate, pass } = judge(peer, {});
  yield { proof: `${about}, with a series of OpenTelemetry's SDK`, value: peer, unit: "seeds", bound: gate, pass };
}

/** A counter of OpenTelemetry's SDK with its limits as they are by default. */
function startOtel() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  const counter = provider.getMeter("proof").createCounter("requests");
  return {
    add: (tenant: string): void => counter.add(1, { tenant }),
    async hasSeries(tenant: string): Promise<boolean> {
      await reader.forceFlush();
      const points = exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap((scope) => scope.metrics.flatMap((metric) => [...metric.dataPoints])),
        );
      await provider.shutdown();
      return points.some(({ attributes }) => attributes["tenant"] === tenant);
    },
  };
}
