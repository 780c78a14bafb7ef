import { channel } from "node:diagnostics_channel";
import { InMemoryMetricExporter, AggregationTemporality, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createMetrics, type MetricsSink, sinkFail } from "./index.js";
import { otlpSink } from "./otlp/index.js";

const sink = (more: Partial<MetricsSink> = {}): MetricsSink => ({
  ...{ name: "own", start: () => undefined, close: async () => undefined },
  ...more,
});

function watchFailures(): string[] {
  const failures: string[] = [];
  onTestFinished(sinkFail.subscribe(({ sink: name, error }) => void failures.push(`${name}: ${String(error)}`)));
  return failures;
}

afterEach(() => void vi.useRealTimers());

describe("sinks of createMetrics", () => {
  it("hold up the close of the metrics for five seconds at most", async () => {
    const failures = watchFailures();
    const closed: string[] = [];
    const metrics = createMetrics({
      ...{ events: false, process: false },
      sinks: [
        sink({ name: "hangs", close: () => new Promise(() => undefined) }),
        sink({ close: async () => void closed.push("own") }),
      ],
    });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] });
    const done = metrics.close();
    await vi.advanceTimersByTimeAsync(5001);
    await done;
    expect(closed).toEqual(["own"]);
    expect(failures).toEqual([expect.stringMatching(/^hangs: .*close of sink hangs/)]);
  });

  it("end every subscription when one of them cannot start", async () => {
    const closed: string[] = [];
    const sinks = [
      sink({ name: "first", close: async () => void closed.push("first") }),
      sink({
        start() {
          throw new Error("no socket");
        },
      }),
    ];
    expect(() => createMetrics({ sinks })).toThrow("no socket");
    expect(channel("scale:queue:job-enqueue").hasSubscribers).toBe(false);
    await vi.waitFor(() => expect(closed).toEqual(["first"]));
  });

  it("belong to one createMetrics", async () => {
    const shared = sink();
    const metrics = createMetrics({ events: false, process: false, sinks: [shared] });
    onTestFinished(() => metrics.close());
    expect(() => createMetrics({ events: false, process: false, sinks: [shared] })).toThrow(/sink own: expected one/);
  });
});

describe("otlpSink", () => {
  it("reports an export that fails", async () => {
    const failures = watchFailures();
    const memory = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const exporter: PushMetricExporter = {
      // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum is of a package that is not a dependency
      export: (_metrics, callback) => callback({ code: 1, error: new Error("503 of the collector") }),
      forceFlush: () => memory.forceFlush(),
      shutdown: () => memory.shutdown(),
    };
    const metrics = createMetrics({ process: false, events: false, sinks: [otlpSink({ exporter })] });
    await metrics.close();
    expect(failures[0]).toContain("503 of the collector");
  });
});
