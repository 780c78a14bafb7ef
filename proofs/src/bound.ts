import { type Bound, holds, type Line } from "@scale/testkit";

export interface Measurement {
  readonly proof: string;
  readonly unit: string;
  readonly value: number;
  readonly bound: Bound;
}

/** A proof's line, with the bound held against the value. */
export function line({ proof, unit, value, bound }: Measurement): Line {
  const { text, pass } = holds(value, bound);
  return { proof, value, unit, bound: text, pass };
}
