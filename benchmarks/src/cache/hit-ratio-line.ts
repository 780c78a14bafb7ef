import { judge, type Line } from "@scale/testkit";

export interface HitRatios {
  readonly bench: string;
  /** 0 to 1. */
  readonly ours: number;
  readonly peer: number;
  /** Minimum difference in points, hundredths of the requests. */
  readonly atLeast?: number;
}

/** A line of the report, whose gate applies to the difference. */
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
