import { judge, type Line } from "@scale/testkit";

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
  const gate = atLeast === undefined ? undefined : { atLeast };
  return {
    bench,
    unit: "%",
    ours: ours * 100,
    peer: peer * 100,
    against: "a plain LRU",
    points: difference,
    ...judge(difference, { gate }),
  };
}
