import { feedFail } from "../events.js";
import type { Metrics } from "../types.js";
import type { MetricSnapshot, SeriesSnapshot } from "../snapshot.js";
import { OURS } from "./marker.js";
import type { PromClientRegistry } from "./types.js";

export type { PromClientRegistry } from "./types.js";

interface Value {
  readonly labels: Record<string, string | number>;
  readonly value: number;
  readonly metricName?: string;
}

/**
 * Registers metrics in a registry of prom-client, so that its `metrics()` contains them. Metrics that are defined later are
 * registered when they are defined. prom-client renders them in one block of the event loop: with many tenants render with
 * `metrics.render` instead, and include its registry with the option `registry`.
 * @returns a function that removes them
 * @throws {Error} of prom-client for a name that it has already, and registers none then. A metric that is defined later under
 * such a name is left out, and published as `scale:metrics:feed-fail`
 */
export function registerMetrics(metrics: Metrics, registry: PromClientRegistry): () => void {
  const names: string[] = [];
  const register = (name: string): void => {
    registry.registerMetric(adapterOf(metrics, name) as never);
    names.push(name);
  };
  const removeAll = (): void => names.splice(0).forEach((name) => registry.removeSingleMetric(name));
  let isStarted = false;
  const onDefine = (name: string): void => {
    try {
      register(name);
    } catch (error) {
      if (!isStarted) throw error;
      // The caller defines a metric of its own, and knows nothing of this registry.
      feedFail.publish(() => ({ source: `prom-client ${name}`, error }));
    }
  };
  try {
    const end = metrics.onDefine(onDefine);
    isStarted = true;
    return () => {
      end();
      removeAll();
    };
  } catch (error) {
    removeAll();
    throw error;
  }
}

/** The methods of a prom-client metric that its registry calls. */
function adapterOf(metrics: Metrics, name: string) {
  const { help, type } = metrics.definition(name) ?? { help: name, type: "gauge" };
  return {
    [OURS]: true,
    name,
    help,
    type,
    aggregator: "sum",
    async get() {
      const snapshot = await metrics.snapshot(name);
      return { name, help, type, aggregator: "sum", values: snapshot === undefined ? [] : valuesOf(snapshot) };
    },
    // The counts are those of the events that happened: a reset of the registry's own metrics leaves them.
    reset: () => undefined,
  };
}

const valuesOf = ({ definition, series }: MetricSnapshot): Value[] =>
  series.flatMap((one) => seriesValues(definition.name, one));

function seriesValues(name: string, { labels: pairs, value }: SeriesSnapshot): Value[] {
  const labels = Object.fromEntries(pairs);
  if (typeof value === "number") return [{ labels, value }];
  const { buckets, count, sum } = value;
  return [
    ...buckets.map(({ bound, cumulative }) => ({
      labels: { le: bound, ...labels },
      value: cumulative,
      metricName: `${name}_bucket`,
    })),
    { labels: { le: "+Inf", ...labels }, value: count, metricName: `${name}_bucket` },
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ];
}
