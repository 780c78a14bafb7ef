// A program with everything of the package that repeats itself, and nothing else to do.
import { AggregationTemporality, InMemoryMetricExporter } from "@opentelemetry/sdk-metrics";
import { Redis } from "ioredis";
import { metricsSource } from "../src/dashboard/index.js";
import { createMetrics } from "../src/index.js";
import { otlpSink } from "../src/otlp/index.js";
import { redisRollups } from "../src/redis/index.js";
import { statsdSink } from "../src/statsd/index.js";

const ignore = (): void => undefined;
const metrics = createMetrics({
  sinks: [
    statsdSink({ client: { increment: ignore, gauge: ignore }, flushMs: 60_000 }),
    otlpSink({ exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE), exportMs: 60_000 }),
    redisRollups({ redis: new Redis({ lazyConnect: true }), flushMs: 60_000 }),
  ],
});
const source = metricsSource(metrics);
metrics.record.request({ tenantId: "acme", method: "GET", route: "/", status: 200, durationMs: 1 });
const [{ tenants }] = [await source.read()];
await metrics.render();
process.stdout.write(JSON.stringify(tenants));
