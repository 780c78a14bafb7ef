import { createSocket } from "node:dgram";
import { channel } from "node:diagnostics_channel";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  type ExponentialHistogramMetricData,
  type SumMetricData,
} from "@opentelemetry/sdk-metrics";
import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import * as Sentry from "@sentry/node";
import { StatsD } from "hot-shots";
import { describe, expect, it } from "vitest";
import { createMetrics, type MetricsSink, sinkFail } from "./index.js";
import { otlpSink } from "./otlp/index.js";
import { sentrySink } from "./sentry/index.js";
import { statsdSink } from "./statsd/index.js";

const create = (...sinks: MetricsSink[]) => createMetrics({ events: false, process: false, sinks });
const inMemory = (): InMemoryMetricExporter => new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);

describe("statsdSink", () => {
  it("sends what was recorded since the last sending, with tags that no tenant can break out of", async () => {
    const socket = createSocket("udp4");
    const lines: string[] = [];
    socket.on("message", (message) => void lines.push(...message.toString().split("\n").filter(Boolean)));
    await new Promise<void>((resolve) => void socket.bind(0, "127.0.0.1", resolve));
    const client = new StatsD({ host: "127.0.0.1", port: socket.address().port, errorHandler: () => undefined });
    const sink = statsdSink({ client, flushMs: 3_600_000, filter: (name) => name.startsWith("x_") });
    const metrics = create(sink);
    const counter = metrics.tenants.counter({ name: "x_total", help: "X.", labels: ["route"] }).bind({ route: "/a:b" });
    const histogram = metrics.tenants.histogram({ name: "x_seconds", help: "X." }).bind({});
    for (let i = 0; i < 3; i++) counter.inc("acme");
    counter.inc("evil|#admin:true,x\ny:1|c");
    histogram.observe("acme", 2);
    await metrics.close();
    await expect.poll(() => lines.length).toBe(7);
    expect(lines.toSorted()).toEqual([
      "x_seconds.count:1|c|#tenant:acme",
      expect.stringMatching(/^x_seconds\.p50:1\.9\d*\|g\|#tenant:acme$/),
      expect.stringMatching(/^x_seconds\.p95:/),
      expect.stringMatching(/^x_seconds\.p99:/),
      "x_seconds.sum:2|c|#tenant:acme",
      "x_total:1|c|#route:/a%3ab,tenant:evil%7c%23admin%3atrue%2cx%0ay%3a1%7cc",
      "x_total:3|c|#route:/a%3ab,tenant:acme",
    ]);
    client.close();
    socket.close();
  });
});

describe("otlpSink", () => {
  it("exports counters and exponential histograms of scale 3 with the tenant", async () => {
    const exporter = inMemory();
    const sink = otlpSink({ exporter, exportMs: 3_600_000 });
    const metrics = create(sink);
    const counter = metrics.tenants.counter({ name: "x_total", help: "X." }).bind({});
    const histogram = metrics.tenants.histogram({ name: "x_seconds", help: "X.", unit: "seconds" }).bind({});
    counter.inc("acme", 5);
    for (const value of [0, 1, 1.01, 2]) histogram.observe("acme", value);
    const exported = new Promise<void>((resolve) => {
      const { shutdown } = exporter;
      exporter.shutdown = async () => {
        resolve();
        // The exporter forgets what it got when it is shut down.
        void shutdown;
      };
    });
    await metrics.close();
    await exported;
    const found = exporter
      .getMetrics()
      .at(-1)!
      .scopeMetrics.flatMap((scope) => scope.metrics);
    const sum = found.find(({ descriptor }) => descriptor.name === "x") as SumMetricData;
    expect(sum).toMatchObject({ isMonotonic: true, dataPoints: [{ value: 5, attributes: { tenant: "acme" } }] });
    const sketch = found.find(({ descriptor }) => descriptor.name === "x_seconds") as ExponentialHistogramMetricData;
    expect(sketch.descriptor.unit).toBe("s");
    expect(sketch.dataPoints[0]!.value).toMatchObject({
      ...{ scale: 3, count: 4, zeroCount: 1, sum: 4.01 },
      // 1 is in (2^(-1/8), 1], 1.01 in (1, 2^(1/8)], 2 in (2^(7/8), 2].
      positive: { offset: -1, bucketCounts: [1, 1, 0, 0, 0, 0, 0, 0, 1] },
    });
  });
});

describe("sentrySink", () => {
  it("tags events with their tenant, and reports a degradation once in a while, on the wire", async () => {
    const envelopes: string[] = [];
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        envelopes.push(Buffer.concat(parts).toString());
        response.end("{}");
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, resolve));
    const { port } = server.address() as AddressInfo;
    Sentry.init({ dsn: `http://key@127.0.0.1:${port}/1`, defaultIntegrations: false });
    const clock = createManualClock();
    const metrics = create(sentrySink({ sentry: Sentry, clock }));
    tenancy.run({ tenantId: "acme" }, () => Sentry.captureException(new Error("order failed")));
    const open = { breaker: "payments", key: "eu", from: "closed", to: "open", reason: "failure-rate" };
    const publish = (message: unknown): void => channel("scale:breaker:state-change").publish(message);
    publish(open);
    publish(open);
    publish({ ...open, to: "closed" });
    clock.advance(60_000);
    publish(open);
    await Sentry.flush(5000);
    await metrics.close();
    publish(open);
    await Sentry.close(5000);
    await new Promise((resolve) => void server.close(resolve));
    const events = envelopes
      .flatMap((text) => text.split("\n"))
      .filter((line) => line.includes('"event_id"') && line.includes('"tags"'));
    const parsed = events.map((line) => JSON.parse(line) as { tags: Record<string, string>; message?: string });
    expect(parsed.filter(({ tags }) => tags["tenant"] === "acme")).toHaveLength(1);
    const reports = parsed.filter(({ tags }) => tags["scale.event"] === "scale:breaker:state-change");
    expect(reports.map(({ message }) => message)).toEqual(Array(2).fill("breaker payments eu is open: failure-rate"));
  });
});

describe("a sink that fails", () => {
  it("is reported, and neither the metrics nor other sinks notice", async () => {
    const failures: string[] = [];
    const end = sinkFail.subscribe(({ sink }) => void failures.push(sink));
    const seen: number[] = [];
    const metrics = create(
      { name: "bad", start: (source) => source.fail(new Error("x")), close: () => Promise.reject(new Error("y")) },
      {
        name: "good",
        start(source) {
          this.close = async () => {
            for await (const delta of source.deltas()) if (delta.kind === "amount") seen.push(delta.amount);
          };
        },
        close: async () => undefined,
      },
    );
    metrics.counter({ name: "x_total", help: "X." }).bind({}).inc(4);
    await metrics.close();
    end();
    expect(failures).toEqual(["bad", "bad"]);
    expect(seen).toEqual([4]);
  });
});
