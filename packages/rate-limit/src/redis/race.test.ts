import { systemClock } from "@scale/core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ALGORITHMS, type Racers, startRacers, stillRule } from "../../scenarios/race.js";

const url = inject("redisUrl");
const PROCESSES = 4;

// The full form, 3,000 checks of each process at a limit of 1,000, is a part of `npm run proof rate-limit`.
describe.skipIf(!url)("createRateLimiter in four processes", () => {
  let racers: Racers;
  beforeAll(async () => {
    racers = await startRacers({ url, prefix: `race:${process.pid}` });
  });
  afterAll(() => racers.close());

  const ways = ALGORITHMS.flatMap((algorithm) => [
    { algorithm, how: "many at a time", asks: 300, inFlight: 100 },
    { algorithm, how: "one at a time", asks: 150, inFlight: 1 },
  ]);
  it.each(ways)("admits exactly the limit of $algorithm, $how", async ({ algorithm, asks, inFlight, how }) => {
    const limit = 200;
    const rules = { all: { by: "tenant", ...stillRule(algorithm, limit, systemClock.now()) } } as const;
    const name = `${algorithm}-${how.replaceAll(" ", "-")}`;
    expect(await racers.run({ name, rules, asks, inFlight })).toBe(limit);
    expect(asks * PROCESSES).toBeGreaterThan(2 * limit);
  });

  it("admits exactly the limits of all algorithms together, whichever process asks first", async () => {
    const now = systemClock.now();
    const rules = {
      tenant: stillRule("gcra", 700, now),
      strict: { by: "tenant", ...stillRule("strict-window", 650, now) },
      running: { by: "tenant", ...stillRule("concurrency", 640, now) },
      user: stillRule("fixed-window", 500, now),
      sliding: { by: "user", ...stillRule("sliding-window", 400, now) },
    } as const;
    const ask = (userId: string): Promise<number> =>
      racers.run({ name: "mixed", rules, userId, asks: 200, inFlight: 50 });
    expect([await ask("ann"), await ask("bob"), await ask("carol")]).toEqual([400, 240, 0]);
  });
});
