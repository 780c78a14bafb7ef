import { describe, expect, inject, it } from "vitest";
import { Redis } from "ioredis";
import { memoryStore } from "../memory.js";
import { createManualClock } from "@scale/core/testing";
import { seededRandom, startProcessPool } from "@scale/testkit";
import type { RateLimitStore, Take } from "../types.js";
import { redisStore } from "./store.js";

const url = inject("redisUrl");
const SEED = 20_261_120;

describe.skipIf(!url)("redisStore and memoryStore", () => {
  it(`give the same answers to 3,000 random questions (seed ${SEED})`, async () => {
    const redis = new Redis(url);
    const random = seededRandom(SEED);
    const pick = (n: number): number => Math.floor(random() * n);
    const clock = createManualClock();
    const stores: RateLimitStore[] = [
      memoryStore({ clock }),
      redisStore({ redis, clock, prefix: `race:${process.pid}`, timeoutMs: 5000 }),
    ];
    const rules = Array.from({ length: 12 }, (_, i) => ({
      name: `r${i}`,
      by: "tenant" as const,
      limit: 1 + pick(50),
      windowMs: 1 + pick(100_000),
      burst: 1 + pick(60),
    }));
    for (let step = 0; step < 3000; step++) {
      clock.advance(random() < 0.3 ? pick(20_000) : pick(5));
      const chosen = [...new Set([pick(12), pick(12), pick(12)])].map((i) => rules[i] ?? rules[0]!);
      const take: Take = {
        tenantId: `t${pick(3)}`,
        cost: pick(8),
        charges: chosen.map((rule) => ({ rule, scope: ["api", rule.name], subject: `s${pick(2)}` })),
      };
      const [memory, redisAnswer] = await Promise.all(stores.map((store) => store.take(take)));
      expect({ step, ...redisAnswer }).toEqual({ step, ...memory });
    }
    redis.disconnect();
  });
});

describe.skipIf(!url)("createRateLimiter in four processes", () => {
  it("admits each limit exactly, whoever asks first", async () => {
    const script = new URL("../../test/race.worker.ts", import.meta.url);
    const pool = await startProcessPool({
      size: 4,
      script,
      args: { url, prefix: `exact:${process.pid}` },
      parse: Number,
    });
    const ask = async (user: string): Promise<number> =>
      (await pool.all({ user, requests: 500 })).reduce((sum, admitted) => sum + admitted, 0);
    expect([await ask("ann"), await ask("bob"), await ask("carol")]).toEqual([900, 100, 0]);
    await pool.close();
  });
});
