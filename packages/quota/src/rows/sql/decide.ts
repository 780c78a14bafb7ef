import type { RowsChange, RowsOutcome } from "../../types.js";

/** One counter that this transaction has locked. */
export interface Locked {
  readonly change: RowsChange;
  /** Units that existed before the call. */
  readonly before: number;
  /** What the counter says now: the first statement has changed it already where it could. */
  readonly stored: number;
}

export interface Decided {
  readonly outcomes: readonly RowsOutcome[];
  /** Counters that do not say yet what was decided. */
  readonly set: readonly { readonly metric: string; readonly used: number }[];
}

/** All have room or none is changed. */
export function decideUse(counters: readonly Locked[]): Decided {
  const fits = ({ before, change: { units, max } }: Locked): boolean => before <= max - units;
  const all = counters.every(fits);
  return decided(
    counters.map((counter) => {
      const { change, before } = counter;
      return { counter, admitted: fits(counter), used: all ? before + change.units : before };
    }),
  );
}

/** Each on its own: a counter that has less than is given back says so and ends at 0. */
export function decideGiveBack(counters: readonly Locked[]): Decided {
  return decided(
    counters.map((counter) => {
      const left = counter.before - counter.change.units;
      return { counter, admitted: left >= 0, used: Math.max(0, left) };
    }),
  );
}

function decided(
  all: readonly { readonly counter: Locked; readonly admitted: boolean; readonly used: number }[],
): Decided {
  return {
    outcomes: all.map(({ counter: { change, before }, admitted, used }) => {
      return { metric: change.metric, admitted, before, used };
    }),
    set: all.flatMap(({ counter: { change, stored }, used }) =>
      stored === used ? [] : [{ metric: change.metric, used }],
    ),
  };
}
