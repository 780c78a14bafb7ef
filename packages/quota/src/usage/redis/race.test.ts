import { startProcessPool } from "@scale/testkit";
import { Redis } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { z } from "zod";
import { redisUsage } from "./store.js";

const url = inject("redisUrl");
const period = { key: "month-1", startsAt: 0, endsAt: 4_000_000_000_000 };
const reply = z.object({ admitted: z.number(), reached: z.array(z.number()) });

describe.skipIf(!url)("redisUsage in four processes", () => {
  it("admits exactly up to the limit, and reports each threshold to one process", async () => {
    const prefix = `usage-race:${process.pid}`;
    const script = new URL("../../../scenarios/usage-race.worker.ts", import.meta.url);
    const args = { redisUrl: url, prefix };
    const pool = await startProcessPool({ size: 4, script, args, parse: (value: unknown) => reply.parse(value) });
    const run = async (message: unknown) => {
      const replies = await pool.all(message);
      const admitted = replies.reduce((sum, one) => sum + one.admitted, 0);
      return { admitted, reached: replies.flatMap((one) => one.reached).toSorted((a, b) => a - b) };
    };
    const redis = new Redis(url);
    try {
      expect(await run({ what: "reserve", metric: "reserve", asks: 25, units: 7, max: 500 })).toEqual({
        admitted: 71,
        reached: [],
      });
      expect(await run({ what: "use", metric: "use", asks: 300, units: 3, max: 999 })).toEqual({
        admitted: 333,
        reached: [0.8, 1],
      });
      const { admitted } = await run({ what: "mixed", metric: "mixed", asks: 200, units: 10, max: 1500 });
      const store = redisUsage({ redis, prefix, timeoutMs: 5000 });
      const [reserved, used, mixed] = await store.read({
        tenantId: "acme",
        metrics: ["reserve", "use", "mixed"].map((metric) => ({ metric, period })),
      });
      expect([reserved?.held, used?.used]).toEqual([497, 999]);
      expect(mixed?.used).toBe(admitted);
      expect(admitted + (mixed?.held ?? 0)).toBeLessThanOrEqual(1500);
      expect(admitted).toBeGreaterThan(1000);
    } finally {
      redis.disconnect();
      await pool.close();
    }
  });
});
