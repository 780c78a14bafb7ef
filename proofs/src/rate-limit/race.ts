import { systemClock } from "@scale/core";
import { type Line, type SectionOptions, startRedis } from "@scale/testkit";
import { ALGORITHMS, startRacers, stillRule } from "@scale/rate-limit/scenarios";
import { line } from "../bound.js";

const LIMIT = 1000;

/** Do four concurrent processes get exactly the limit? */
export async function* race({ smoke }: SectionOptions): AsyncIterable<Line> {
  const asks = smoke ? 300 : 3000;
  const server = await startRedis();
  const racers = await startRacers({ url: server.url, prefix: "race" });
  try {
    for (const algorithm of ALGORITHMS) {
      for (const [how, inFlight] of [
        ["500 at a time", 500],
        ["one at a time", 1],
      ] as const) {
        const rules = { all: { by: "tenant", ...stillRule(algorithm, LIMIT, systemClock.now()) } } as const;
        const name = `${algorithm}-${inFlight}`;
        const admitted = await racers.run({ name, rules, asks, inFlight });
        const about = `rate-limit: 4 processes x ${asks} checks at limit ${LIMIT}, ${algorithm}, ${how}`;
        yield line({ proof: `${about}, admitted`, unit: "requests", value: admitted, bound: { atLeast: LIMIT } });
        yield line({
          proof: `${about}, admitted beyond`,
          unit: "requests",
          value: admitted - LIMIT,
          bound: { atMost: 0 },
        });
      }
    }
  } finally {
    await racers.close();
    await server.stop();
  }
}
