import type { RowsChange, RowsOutcome } from "../../types.js";

/** One counter that this transaction has locked. */
export interface LockedCounter {
  readonly change: RowsChange;
  /** Units that existed before the call. */
  readonly before: number;
  /** Current value in the table: the first statement has changed it already where it could. */
  readonly stored: number;
}

/** Adds units: all metrics have room, or none is changed. */
export function decideUse(counters: readonly LockedCounter[]): ReturnType<typeof decided> {
  const fits = ({ before, change: { units, max } }: LockedCounter): boolean => before <= max - units;
  const allFit = counters.every(fits);
  return decided(
    counters.map((counter) => {
      const { change, before } = counter;
      return { counter, admitted: fits(counter), used: allFit ? before + change.units : before };
    }),
  );
}

/** Subtracts units of each metric by itself. A counter lower than its units is not `admitted`, and ends at 0. */
export function decideGiveBack(counters: readonly LockedCounter[]): ReturnType<typeof decided> {
  return decided(
    counters.map((counter) => {
      const left = counter.before - counter.change.units;
      return { counter, admitted: left >= 0, used: Math.max(0, left) };
    }),
  );
}

/** Outcomes of a call, and the counters to `set`: their stored value still differs from the decision. */
function decided(
  all: readonly { readonly counter: LockedCounter; readonly admitted: boolean; readonly used: number }[],
): {
  readonly outcomes: readonly RowsOutcome[];
  readonly set: readonly { readonly metric: string; readonly used: number }[];
} {
  return {
    outcomes: all.map(({ counter: { change, before }, admitted, used }) => {
      return { metric: change.metric, admitted, before, used };
    }),
    set: all.flatMap(({ counter: { change, stored }, used }) =>
      stored === used ? [] : [{ metric: change.metric, used }],
    ),
  };
}
