import { holds, type Line } from "@scale/testkit";

export interface HitRatios {
  readonly bench: string;
  /** 0 to 1. */
  readonly ours: number;
  readonly peer: number;
  /** In points: hundredths of the requests. */
  readonly atLeast?: number;
}

/** A bench's line, with the gate held against the difference. */
export function points({ bench, ours, peer, atLeast }: HitRatios): Line {
  const difference = (ours - peer) * 100;
  const { text, pass } = holds(difference, { atLeast: atLeast ?? -Infinity });
  const gate = atLeast === undefined ? "none" : text;
  return {
    bench,
    unit: "%",
    ours: ours * 100,
    peer: peer * 100,
    against: "a plain LRU",
    points: difference,
    gate,
    pass,
  };
}
