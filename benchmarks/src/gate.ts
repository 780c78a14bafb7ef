import { type Bound, holds, type Line } from "@scale/testkit";

export interface Result {
  readonly bench: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  /** The peer and the variant of it that did best. */
  readonly against: string;
  /** Ours over the peer's, the median of the rounds' ratios. */
  readonly ratio: number;
  /** Without one the line reports and judges nothing. */
  readonly gate: Bound | undefined;
}

/** A bench's line, with the gate held against the ratio. */
export function line({ gate, ...result }: Result): Line {
  if (gate === undefined) return { ...result, gate: "none", pass: true };
  const { text, pass } = holds(result.ratio, gate);
  return { ...result, gate: text, pass };
}
