import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { createMetrics } from "@scale/metrics";
import { otlpSink } from "@scale/metrics/otlp";
import { findProgram, type Line, type SectionOptions, startVictoriaMetrics, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";

/** OTLP through the SDK and its exporter into a real VictoriaMetrics. */
export async function* otlp({ smoke }: SectionOptions): AsyncIterable<Line> {
  const found = findProgram("victoria-metrics");
  if (found.is === "missing") {
    yield { proof: "metrics: VictoriaMetrics", outcome: found.reason, bound: "found", pass: false };
    return;
  }
  const server = await startVictoriaMetrics();
  try {
    const exporter = new OTLPMetricExporter({ url: server.otlpUrl });
    const resource = resourceFromAttributes({ "service.name": "proof" });
    const sinks = [otlpSink({ exporter, resource, exportMs: 500 })];
    const metrics = createMetrics({ events: false, process: false, sinks });
    const counter = metrics.tenants.counter({ name: "otlp_events_total", help: "Events." }).bind({});
    const histogram = metrics.tenants.histogram({ name: "otlp_seconds", help: "Time.", unit: "seconds" }).bind({});
    const sent = smoke ? 1000 : 100_000;
    for (let i = 0; i < sent; i++) {
      counter.inc("acme");
      histogram.observe("acme", 0.1);
    }
    await metrics.close();
    const read = async (expr: string): Promise<number> => (await server.query(expr))[0]?.value ?? Number.NaN;
    const counted = 'last_over_time(otlp_events{tenant="acme"}[5m])';
    const seen = async (): Promise<boolean> => (await read(counted)) === sent;
    await waitUntil(seen, { what: "the count of OTLP", timeoutMs: 60_000 }).catch(() => undefined);
    const about = `metrics: OTLP into VictoriaMetrics, ${sent} events of a tenant`;
    yield line({
      ...{ proof: `${about}, difference`, unit: "events" },
      ...{ value: Math.abs((await read(counted)) - sent), bound: { atMost: 0 } },
    });
    const p95 = await read(
      'histogram_quantile(0.95, sum by (vmrange) (last_over_time(otlp_seconds_bucket{tenant="acme"}[5m])))',
    );
    yield line({
      ...{ proof: `${about}, error of p95 of the exponential histogram`, unit: "%" },
      ...{ value: (Math.abs(p95 - 0.1) / 0.1) * 100, bound: { atMost: 9 } },
    });
  } finally {
    await server.stop();
  }
}
