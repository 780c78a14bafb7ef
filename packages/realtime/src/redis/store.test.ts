import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { describeRealtimeStore } from "../testing/index.js";
import { redisStore } from "./store.js";

const url = inject("redisUrl");

describe.skipIf(url === "")("redisStore", () => {
  let redis: Redis;
  let run = 0;
  const prefix = (): string => `test:realtime:${process.pid}:${run++}`;
  beforeAll(() => {
    redis = new Redis(url);
  });
  afterAll(() => redis.quit());

  describeRealtimeStore("redis", async () => redisStore({ redis, prefix: prefix(), timeoutMs: 2000 }));

  it("leaves no key without an expiry", async () => {
    const name = prefix();
    await redisStore({ redis, prefix: name, timeoutMs: 2000 }).add("acme", 1);
    expect(await redis.pttl(`${name}:{acme}:total`)).toBeGreaterThan(0);
  });
});
