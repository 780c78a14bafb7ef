import { createDeadline } from "@scale/core/kit";
import type { ForeignMetric, ForeignSource, ForeignValue } from "../exposition/foreign.js";
import { OURS } from "./marker.js";
import type { PromClientMetric, PromClientRegistry } from "./types.js";

const TYPES = ["counter", "gauge", "histogram", "summary"] as const;

/** A collector of the application runs while a metric is read. One that hangs must not hold up every scrape. */
const TIMEOUT_MS = 1000;

/**
 * Reads the metrics of a prom-client registry, default metrics included. Ours that are registered there are left out, and so
 * are metrics whose collector fails or takes over a second. Those are not read again until their collector has settled.
 */
export function promClientSource(registry: PromClientRegistry, onFail: (error: unknown) => void): ForeignSource {
  const withinDeadline = createDeadline(TIMEOUT_MS);
  const running = new Map<PromClientMetric, Promise<ForeignMetric | undefined>>();
  async function readOrJoin(metric: PromClientMetric): Promise<ForeignMetric | undefined> {
    const known = running.get(metric);
    const reading = known ?? read(metric).finally(() => running.delete(metric));
    if (known === undefined) running.set(metric, reading);
    return withinDeadline(reading, `collector of ${metric.name}`);
  }
  return async function* () {
    for (const metric of registry.getMetricsAsArray() as readonly PromClientMetric[]) {
      if (OURS in metric) continue;
      const found = await readOrJoin(metric).catch(onFail);
      if (found !== undefined) yield withDefaultLabels(found, registry);
    }
  };
}

/** prom-client adds the default labels of a registry when it renders. The metric's own labels win. */
function withDefaultLabels(metric: ForeignMetric, registry: PromClientRegistry): ForeignMetric {
  const labels: unknown = Reflect.get(registry, "_defaultLabels");
  if (typeof labels !== "object" || labels === null || Object.keys(labels).length === 0) return metric;
  const values = metric.values.map((value) => ({ ...value, labels: { ...labels, ...value.labels } }));
  return { ...metric, values };
}

async function read(metric: PromClientMetric): Promise<ForeignMetric | undefined> {
  // Its collectors run in here, and may fail.
  const found = (await metric.get()) as { values?: readonly ForeignValue[] } | undefined;
  const type = TYPES.find((known) => known === metric.type);
  if (type === undefined || found?.values === undefined) return undefined;
  return { name: metric.name, help: metric.help, type, values: found.values };
}
