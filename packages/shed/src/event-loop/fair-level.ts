/**
 * The level of max-min fairness: every demand gets `min(asked, level × weight)`, and together they get `total`. Infinity when
 * all demands fit.
 * Source: Bertsekas and Gallager, "Data Networks", 1992, §6.5.2 (progressive filling).
 */
export function fairLevel(demands: readonly { weight: number; asked: number }[], total: number): number {
  const byNeed = demands.toSorted((a, b) => a.asked / a.weight - b.asked / b.weight);
  let left = total;
  let weights = byNeed.reduce((sum, { weight }) => sum + weight, 0);
  for (const { asked, weight } of byNeed) {
    if (asked / weight > left / weights) return left / weights;
    left -= asked;
    weights -= weight;
  }
  return Infinity;
}
