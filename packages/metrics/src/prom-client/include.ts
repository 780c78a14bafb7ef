import type { ForeignMetric, ForeignSource, ForeignValue } from "../exposition/foreign.js";
import { OURS } from "./marker.js";
import type { PromClientMetric, PromClientRegistry } from "./types.js";

const TYPES = ["counter", "gauge", "histogram", "summary"] as const;

/** Reads the metrics of a prom-client registry, default metrics included. Ours that are registered there are left out. */
export function promClientSource(registry: PromClientRegistry, onFail: (error: unknown) => void): ForeignSource {
  return async function* () {
    for (const metric of registry.getMetricsAsArray() as readonly PromClientMetric[]) {
      if (OURS in metric) continue;
      const found = await read(metric).catch(onFail);
      if (found !== undefined) yield found;
    }
  };
}

async function read(metric: PromClientMetric): Promise<ForeignMetric | undefined> {
  // Its collectors run in here, and may fail.
  const found = (await metric.get()) as { values?: readonly ForeignValue[] } | undefined;
  const type = TYPES.find((known) => known === metric.type);
  if (type === undefined || found?.values === undefined) return undefined;
  return { name: metric.name, help: metric.help, type, values: found.values };
}
