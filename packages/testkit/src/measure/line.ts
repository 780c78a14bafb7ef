/** One line of a bench or a proof: what was measured, and whether its gate holds. */
export type Line = Readonly<Record<string, string | number | boolean>> & { readonly pass: boolean };

/** The least or the greatest value that a figure may have. */
export type Bound = { readonly atLeast: number } | { readonly atMost: number };

export interface Expectation {
  /** Must hold on every run: a miss fails the command. Without a gate the line only reports. */
  readonly gate?: Bound | undefined;
  /** The figure that the work aims at. It is reported, and a miss fails nothing. */
  readonly goal?: Bound | undefined;
}

/** The fields of a line that come from its expectation. */
export interface Judgement {
  readonly gate: string;
  readonly goal: string;
  readonly pass: boolean;
}

/** Compares a figure with its gate. NaN misses every gate. */
export function judge(value: number, { gate, goal }: Expectation): Judgement {
  return { gate: textOf(gate), goal: textOf(goal), pass: gate === undefined || holds(value, gate) };
}

function textOf(bound: Bound | undefined): string {
  if (bound === undefined) return "none";
  return "atLeast" in bound ? `>= ${bound.atLeast}` : `<= ${bound.atMost}`;
}

function holds(value: number, bound: Bound): boolean {
  return "atLeast" in bound ? value >= bound.atLeast : value <= bound.atMost;
}
