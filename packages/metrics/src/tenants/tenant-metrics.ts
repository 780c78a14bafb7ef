import type { Registry } from "../instruments/registry.js";
import { quantileOf } from "../sketch/quantile.js";
import { CELLS } from "../sketch/rows.js";
import type { TenantCount, TenantMetrics } from "../types.js";

export function createTenantMetrics(registry: Registry): TenantMetrics {
  return {
    counter: (options) => registry.tenantCounter(options),
    histogram: (options) => registry.tenantHistogram(options),
    ids: () => registry.slots.tenants().map(({ tenantId }) => tenantId),
    counts: (tenantId) => countsOf(registry, tenantId),
    quantiles(name, tenantId, quantiles) {
      const metric = registry.find(name);
      const slot = registry.slots.find(tenantId);
      if (metric?.kind !== "sketch" || slot === undefined) return undefined;
      const counts = new Float64Array(CELLS);
      for (const { sketches } of metric.family.series) {
        const row = sketches.find(slot);
        if (row !== undefined) registry.rows.totals(row, counts);
      }
      return quantiles.map((q) => quantileOf(counts, q, metric.range));
    },
  };
}

function countsOf(registry: Registry, tenantId: string): TenantCount[] | undefined {
  const slot = registry.slots.find(tenantId);
  if (slot === undefined) return undefined;
  return [...registry.metrics].flatMap((metric) => {
    const { definition } = metric.family;
    if (metric.kind !== "scalar" || !definition.perTenant) return [];
    return metric.family.series.flatMap(({ labels, cells }) => {
      const value = cells.get(slot);
      return value === 0 ? [] : [{ name: definition.name, help: definition.help, labels: labels.pairs, value }];
    });
  });
}
