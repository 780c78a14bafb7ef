import { seededRandom } from "@scale/testkit";
import { SEED, startOurs } from "./contenders.js";

const QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999];

/** Distributions of response times, in seconds. */
function distributions(): Readonly<Record<string, () => number>> {
  const random = seededRandom(SEED);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return {
    uniform: () => 0.001 + random(),
    exponential: () => 0.0001 - Math.log(1 - random()) / 20,
    lognormal: () => Math.exp(normal() - 3),
    "wide lognormal": () => Math.min(200, Math.exp(2 * normal() - 4) + 0.0001),
    pareto: () => Math.min(200, 0.005 / (1 - random()) ** (1 / 1.5)),
    bimodal: () => (random() < 0.9 ? 0.01 : 1) * (1 + 0.1 * random()),
    constant: () => 0.0123,
    "two values": () => (random() < 0.94 ? 0.01 : 5),
  };
}

/** The worst relative error of the quantiles of each distribution, to the exact value of the same rank. */
export function worstQuantileError(count: number): [name: string, error: number][] {
  const metrics = startOurs(100);
  const histogram = metrics.tenants.histogram({ name: "g_seconds", help: "G." }).bind({});
  return Object.entries(distributions()).map(([name, next]) => {
    const exact = Float64Array.from({ length: count }, next);
    for (const value of exact) histogram.observe(name, value);
    exact.sort();
    const estimates = metrics.tenants.quantiles("g_seconds", name, QUANTILES) ?? [];
    const errors = QUANTILES.map((q, i) => {
      const value = exact[Math.ceil(q * count) - 1] ?? Number.NaN;
      return Math.abs((estimates[i] ?? Number.NaN) - value) / value;
    });
    return [name, Math.max(...errors)];
  });
}
