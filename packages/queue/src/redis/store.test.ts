import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, inject } from "vitest";
import { describeQueueStore } from "../testing/index.js";
import { redisStore } from "./store.js";

const url = inject("redisUrl");

describe.skipIf(url === "")("redisStore", () => {
  let redis: Redis;
  let run = 0;
  beforeAll(() => {
    redis = new Redis(url);
  });
  afterAll(() => redis.quit());

  describeQueueStore("redis", async () => ({
    store: redisStore({ redis, prefix: `test:${process.pid}:${run++}`, timeoutMs: 2000 }),
    advance: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    close: async () => undefined,
  }));
});
