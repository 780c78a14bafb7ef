import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { createMetrics } from "@scale/metrics";
import { otlpSink } from "@scale/metrics/otlp";
import { type Line, type SectionOptions, startPrometheus, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";

/** OTLP through the SDK and its exporter into the receiver of a real Prometheus. */
export async function* otlp({ smoke }: SectionOptions): AsyncIterable<Line> {
  const prometheus = await startPrometheus();
  try {
    const exporter = new OTLPMetricExporter({ url: `${prometheus.url}/api/v1/otlp/v1/metrics` });
    const resource = resourceFromAttributes({ "service.name": "proof" });
    const metrics = createMetrics({
      events: false,
      process: false,
      sinks: [otlpSink({ exporter, resource, exportMs: 500 })],
    });
    const counter = metrics.tenants.counter({ name: "otlp_events_total", help: "Events." }).bind({});
    const histogram = metrics.tenants.histogram({ name: "otlp_seconds", help: "Time.", unit: "seconds" }).bind({});
    const sent = smoke ? 1000 : 100_000;
    for (let i = 0; i < sent; i++) {
      counter.inc("acme");
      histogram.observe("acme", 0.1);
    }
    await metrics.close();
    const read = async (expr: string): Promise<number> => (await prometheus.query(expr))[0]?.value ?? Number.NaN;
    await waitUntil(async () => (await read('otlp_events_total{tenant="acme"}')) === sent, {
      what: "the count of OTLP",
    }).catch(() => undefined);
    const count = await read('otlp_events_total{tenant="acme"}');
    yield line({
      proof: `metrics: OTLP into Prometheus, ${sent} events of a tenant, difference`,
      unit: "events",
      value: Math.abs(count - sent),
      bound: { atMost: 0 },
    });
    const p95 = await read('histogram_quantile(0.95, otlp_seconds{tenant="acme"})');
    yield line({
      proof: "metrics: OTLP into Prometheus, error of p95 of a native histogram",
      unit: "%",
      value: (Math.abs(p95 - 0.1) / 0.1) * 100,
      bound: { atMost: 9 },
    });
  } finally {
    await prometheus.stop();
  }
}
