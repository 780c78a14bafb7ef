import { type Bound, judge, type Line } from "@scale/testkit";

export interface Measurement {
  readonly proof: string;
  readonly unit: string;
  readonly value: number;
  /** Must hold on every run. */
  readonly bound: Bound;
}

/** A proof's line. */
export function line({ proof, unit, value, bound }: Measurement): Line {
  const { gate, pass } = judge(value, { gate: bound });
  return { proof, value, unit, bound: gate, pass };
}
