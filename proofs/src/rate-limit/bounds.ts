import { type Line, type SectionOptions, seededRandom } from "@scale/testkit";
import { attack, flood, worstIn } from "@scale/rate-limit/scenarios";
import { line } from "../bound.js";

const SEED = 20_261_120;
const LIMIT = 100;
const WINDOW_MS = 1000;

const ALGORITHMS = [
  { algorithm: "fixed-window", most: 2 },
  { algorithm: "sliding-window", most: 2 },
  { algorithm: "gcra", most: 2 },
  { algorithm: "strict-window", most: 1 },
] as const;

/** How many units can a client get in one window, wherever it begins, and how many under constant overload? */
export function* bounds({ smoke }: SectionOptions): Iterable<Line> {
  const clients = smoke ? 5 : 400;
  for (const { algorithm, most } of ALGORITHMS) {
    const random = seededRandom(SEED);
    const rule = ruleOf(algorithm);
    const logs = Array.from({ length: clients }, () => attack({ rule, random, lengthMs: 40 * WINDOW_MS }));
    const worst = (lengthMs: number): number => Math.max(...logs.map((log) => worstIn(log, lengthMs))) / LIMIT;
    const about = `rate-limit: ${algorithm}, ${clients} clients that are silent and greedy by turns (seed ${SEED})`;
    yield line({
      proof: `${about}, worst admitted in any window / limit`,
      unit: "limits",
      value: worst(WINDOW_MS),
      bound: { atMost: most },
    });
    yield line({
      proof: `${about}, worst admitted in any tenth of a window / limit`,
      unit: "limits",
      value: worst(WINDOW_MS / 10),
      bound: { atMost: most },
    });
    const windows = 50;
    const admitted = flood({ rule, random, lengthMs: windows * WINDOW_MS }).length;
    yield line({
      proof: `rate-limit: ${algorithm}, under a constant excess, admitted / limit of ${windows} windows`,
      unit: "limits",
      value: admitted / LIMIT / windows,
      bound: { atLeast: 0.9 },
    });
  }
}

const ruleOf = (algorithm: (typeof ALGORITHMS)[number]["algorithm"]) => ({
  ...({ name: "tenant", by: "tenant", algorithm, limit: LIMIT, burst: LIMIT, windowMs: WINDOW_MS } as const),
  ...{ shadow: false, leaseMs: 0, whenStoreFails: undefined },
});
