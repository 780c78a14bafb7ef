import { type Expectation, judge, type Line } from "@scale/testkit";

export interface Result extends Expectation {
  readonly bench: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  /** The peer, in its fastest variant. */
  readonly against: string;
  /** Ours over the peer's: the median of the rounds' ratios. Gate and goal apply to it. */
  readonly ratio: number;
}

/** A bench's line. */
export function line({ gate, goal, ...result }: Result): Line {
  return { ...result, ...judge(result.ratio, { gate, goal }) };
}
