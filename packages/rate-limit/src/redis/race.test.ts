import { describe, expect, inject, it } from "vitest";
import { Redis } from "ioredis";
import { createRateLimiter } from "../limiter.js";
import { memoryStore } from "../memory.js";
import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
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

  it("admit the limit exactly, over several connections at once", async () => {
    const clients = Array.from({ length: 4 }, () => new Redis(url));
    const prefix = `exact:${process.pid}`;
    const rules = { tenant: { limit: 100, window: "1d" }, user: { limit: 90, window: "1d" } } as const;
    const limiters = clients.map((redis) =>
      createRateLimiter({ store: redisStore({ redis, prefix, timeoutMs: 5000 }), rules }),
    );
    const ask = (user: string) =>
      limiters.flatMap((limiter) =>
        Array.from({ length: 50 }, () => limiter.check({ tenantId: "acme", userId: user })),
      );
    const ann = await Promise.all(ask("ann"));
    const bob = await Promise.all(ask("bob"));
    const admitted = (list: { allowed: boolean }[]): number => list.filter(({ allowed }) => allowed).length;
    expect([admitted(ann), admitted(bob)]).toEqual([90, 10]);
    for (const client of clients) client.disconnect();
  });
});
