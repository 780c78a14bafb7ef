import type { Line } from "@scale/testkit";
import { type Ask, inMemory, plainLru } from "./caches.js";
import { points } from "./hit-ratio-line.js";
import { jumping, KEYS, replacing, sliding, steady, type Trace, withScan } from "./traces.js";

interface Scenario {
  readonly name: string;
  readonly trace: (length: number) => Trace;
  /** Minimum difference to a plain LRU, in points of the hit ratio. */
  readonly atLeast: number;
}

const SCENARIOS: readonly Scenario[] = [
  { name: "Zipf 0.9", trace: (length) => steady(0.9, length), atLeast: 4 },
  { name: "Zipf 1.0", trace: (length) => steady(1, length), atLeast: 4 },
  { name: "Zipf 1.0 and a scan", trace: withScan, atLeast: 4 },
  { name: "Zipf 1.0, popularity jumps", trace: jumping, atLeast: -3.5 },
  { name: "Zipf 1.0, popularity slides", trace: sliding, atLeast: -3.5 },
  { name: "Zipf 1.0, keys are replaced", trace: replacing, atLeast: -3.5 },
];

/** The hit ratio of the memory, compared with a plain LRU of as many entries. Every run gives the same figures. */
export function* hitRatio(smoke: boolean): Iterable<Line> {
  const length = smoke ? 2_000 : 1_000_000;
  for (const { name, trace, atLeast } of SCENARIOS) {
    const requests = trace(length);
    for (const part of [0.01, 0.1]) {
      const entries = KEYS * part;
      yield points({
        bench: `cache: hit ratio, ${name}, memory for ${part * 100} % of ${KEYS} keys`,
        ours: ratioOf(requests, inMemory(entries)),
        peer: ratioOf(requests, plainLru(entries)),
        atLeast,
      });
    }
  }
}

function ratioOf(requests: Trace, ask: Ask): number {
  let hits = 0;
  for (const key of requests) if (ask(key)) hits++;
  return hits / requests.length;
}
