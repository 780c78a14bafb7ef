/** Units that were admitted at a time, milliseconds. */
export interface Admitted {
  readonly atMs: number;
  units: number;
}

/**
 * The most units of a log, which is in the order of time, in any stretch of this length: `[t, t + lengthMs)`, or with both
 * ends when `closed`.
 */
export function worstIn(log: readonly Admitted[], lengthMs: number, closed = false): number {
  let worst = 0;
  let sum = 0;
  let first = 0;
  for (const { atMs, units } of log) {
    sum += units;
    for (;;) {
      const oldest = log[first];
      if (oldest === undefined) break;
      const age = atMs - oldest.atMs;
      if (closed ? age <= lengthMs : age < lengthMs) break;
      sum -= oldest.units;
      first++;
    }
    worst = Math.max(worst, sum);
  }
  return worst;
}

/** The most by which any stretch of a log exceeds `units + perMs` times its length. */
export function worstExcess(log: readonly Admitted[], { units, perMs }: { units: number; perMs: number }): number {
  // The worst stretch that ends at one admission began where `sum before − perMs × time` was least.
  let worst = -Infinity;
  let sum = 0;
  let least = Infinity;
  for (const { atMs, units: admitted } of log) {
    least = Math.min(least, sum - perMs * atMs);
    sum += admitted;
    worst = Math.max(worst, sum - perMs * atMs - least - units);
  }
  return worst;
}
