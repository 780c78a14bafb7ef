import type { Line, SectionOptions } from "@scale/testkit";
import { line } from "../bound.js";
import { demo } from "./demo/demo.js";
import { fuzz } from "./fuzz/fuzz.js";
import { cacheCases } from "./scripts/cache-cases.js";
import { limitCases } from "./scripts/limit-cases.js";
import { otherCases } from "./scripts/other-cases.js";
import { queueCases } from "./scripts/queue-cases.js";
import { serverTimes } from "./scripts/server-time.js";

const MAX_SERVER_MS = 5;

/** What does an attacker gain: from the example, from the largest input of each script, from any bytes for each parser? */
export async function* attack({ smoke }: SectionOptions): AsyncIterable<Line> {
  yield* demo(smoke ? { calmMs: 300, attackMs: 1500 } : { calmMs: 10_000, attackMs: 30_000 });
  const cases = [...cacheCases, ...limitCases, ...otherCases, ...(smoke ? [] : queueCases)];
  for await (const { script, input, leastUs, rounds } of serverTimes(cases, smoke ? 1 : 15)) {
    yield line({
      proof: `attack: server time of ${script}, ${input} (least of ${rounds})`,
      unit: "ms",
      value: leastUs / 1000,
      bound: { atMost: MAX_SERVER_MS },
    });
  }
  yield* fuzz(smoke ? 500 : 60_000);
}
