import type { Metrics } from "@scale/metrics";
import { seededRandom } from "@scale/testkit";

const SEED = 20261130;
export const PROOF_METRIC = "proof_seconds";
export const QUANTILES = [0.5, 0.9, 0.95, 0.99] as const;

/** Every bound of the grid of scale 3 from 2^-14 to 2^7, for the classic form. */
const GRID = Array.from({ length: 168 }, (_, i) => 2 ** (i / 8 - 14) * (1 - 1e-12));

/** Distributions of response times without gaps: Prometheus takes values to be spread evenly over their bucket. */
function distributions(): Readonly<Record<string, () => number>> {
  const random = seededRandom(SEED);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return {
    uniform: () => 0.001 + random(),
    exponential: () => 0.0001 - Math.log(1 - random()) / 20,
    lognormal: () => Math.exp(normal() - 3),
    "wide lognormal": () => Math.min(100, Math.exp(2 * normal() - 4) + 0.0001),
    pareto: () => Math.min(100, 0.005 / (1 - random()) ** (1 / 1.5)),
    bimodal: () => (random() < 0.8 ? 0.01 : 1) * (1 + random()),
    triangular: () => 0.01 + (random() + random()) / 2,
    weibull: () => 0.0001 + 0.1 * (-Math.log(1 - random())) ** 2,
  };
}

/** Observes each distribution as a tenant. @returns the exact quantiles by tenant */
export function observeAll(metrics: Metrics, count: number): Map<string, number[]> {
  const histogram = metrics.tenants
    .histogram({ name: PROOF_METRIC, help: "Proof.", unit: "seconds", buckets: GRID })
    .bind({});
  return exactQuantiles(count, (tenant, value) => histogram.observe(tenant, value));
}

export function exactQuantiles(count: number, observe: (tenant: string, value: number) => void): Map<string, number[]> {
  return new Map(
    Object.entries(distributions()).map(([tenant, next]) => {
      const values = Float64Array.from({ length: count }, next);
      for (const value of values) observe(tenant, value);
      values.sort();
      return [tenant, QUANTILES.map((q) => values[Math.ceil(q * count) - 1] ?? Number.NaN)];
    }),
  );
}
