import { createRateLimiter } from "@scale/rate-limit";
import { redisStore } from "@scale/rate-limit/redis";
import type { RateLimitRulesInput } from "@scale/core";
import type { ScriptCase, ScriptStage } from "./server-time.js";

const TTL = 86_400_000;
const list = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));

/** 16 rules: as many as a set of rules may have. */
const gcra: RateLimitRulesInput = Object.fromEntries(
  list(16, (i) => [`rule-${i}`, { limit: 1000 + i, window: "1m", by: "tenant" }]),
);
const ALGORITHMS = ["gcra", "sliding-window", "strict-window", "fixed-window"] as const;
const mixed: RateLimitRulesInput = Object.fromEntries([
  ...list(12, (i) => [
    `rule-${i}`,
    {
      ...{ limit: 1000 + i, window: "1m", by: "tenant", algorithm: ALGORITHMS[i % 4] },
      block: { afterDenials: 10, duration: "1m" },
    },
  ]),
  ...list(4, (i) => [`slots-${i}`, { limit: 1000 + i, by: "tenant", algorithm: "concurrency", ttl: "30s" }]),
]);

/** Sends requests of one turn of the event loop, after one that is in flight: they share commands. */
async function checks(stage: ScriptStage, rules: RateLimitRulesInput, count: number): Promise<void> {
  const limiter = createRateLimiter({
    ...{ name: "script", rules, denialCacheMs: 0 },
    store: redisStore({ redis: stage.redis, timeoutMs: 10_000 }),
  });
  const slots = await Promise.all(list(count, () => limiter.acquire({ tenantId: "acme" })));
  await Promise.all(slots.map(({ release }) => release()));
  await limiter.reset({ tenantId: "acme" });
  limiter.close();
}

/** Rate limits and quotas. */
export const limitCases: readonly ScriptCase[] = [
  {
    scripts: ["rate-limit/consume-gcra-request.lua", "rate-limit/consume-gcra.lua", "rate-limit/reset.lua"],
    input: "32 requests of 16 rules",
    run: (stage) => checks(stage, gcra, 64),
  },
  {
    scripts: ["rate-limit/consume.lua", "rate-limit/release.lua"],
    input: "32 requests of 16 rules of every algorithm, with blocks and slots",
    run: (stage) => checks(stage, mixed, 64),
  },
  quotaCase("reserve", {
    input: "16 counts of which 4,096 holds have expired",
    args: (now) => [
      ...[now, "id", 60_000, TTL, "0", "call", "params\n\n\n"],
      ...list(16, (i) => [1, 1e9, TTL, "800 8000 1000 10000", `m${i}`, "1 2 month"]).flat(),
    ],
    keys: [...countKeys(16), "q:{acme}:id"],
  }),
  quotaCase("read", { input: "16 counts with 4,096 expired holds", args: (now) => [now], keys: countKeys(16) }),
  quotaCase("commit", {
    input: "a count with 4,096 expired holds",
    args: (now) => [now, "id", 1, "overflow", 1e9, TTL, TTL, "0", "m0", "1 2 month", "800 8000"],
    keys: [...countKeys(1), "q:{acme}:id"],
  }),
  quotaCase("release", {
    input: "a count with 4,096 holds",
    args: (now) => [now, "0", TTL, "m0", ""],
    keys: [...countKeys(1), "q:{acme}:id"],
  }),
  quotaCase("cancel", {
    input: "16 counts",
    args: () => ["id", "call", TTL, ...list(16, (i) => [`m${i}`, 1, "1 2 month"]).flat()],
    keys: [...countKeys(16), "q:{acme}:id"],
  }),
  quotaCase("hydrate", {
    input: "200 counts",
    args: () => ["epoch", ...list(200, () => [10, 8000, TTL]).flat()],
    keys: hashes(200),
  }),
  quotaCase("progress", { input: "200 counts", args: () => [], keys: hashes(200) }),
  quotaCase("mark-flushed", {
    input: "200 counts",
    args: () => list(200, () => ["epoch", 1, 10]).flat(),
    keys: hashes(200),
  }),
  quotaCase("mark-dirty", {
    input: "200 counts",
    args: (now) => [now, TTL, ...list(200, (i) => `count-${i}`)],
    keys: ["q:{dirty}"],
  }),
  quotaCase("clear-dirty", {
    input: "1,000 counts",
    args: (now) => [now, ...list(1000, (i) => `count-${i}`)],
    keys: ["q:{dirty}"],
  }),
  quotaCase("dirty", {
    input: "1,000 counts",
    args: (now) => [now, 0, "", 1000],
    keys: ["q:{dirty}", "q:{dirty}:lease"],
  }),
  quotaCase("correct", { input: "one count", args: () => ["epoch", "0", 1], keys: hashes(1) }),
  quotaCase("credit", { input: "one count", args: () => ["id", 1, TTL], keys: hashes(1) }),
];

function countKeys(count: number): string[] {
  return list(count, (i) => [`q:{acme}:m${i}`, `q:{acme}:m${i}:holds`]).flat();
}

function hashes(count: number): string[] {
  return list(count, (i) => `q:{acme}:m${i}`);
}

/** Counts with an epoch, and 8,192 holds of which half have expired, spread over the counts of the call. */
function quotaCase(
  file: string,
  call: {
    readonly input: string;
    readonly keys: readonly string[];
    args(now: string): readonly (string | number)[];
  },
): ScriptCase {
  const name = `quota/${file}.lua`;
  return {
    scripts: [name],
    input: call.input,
    async prepare({ redis }) {
      const now = Date.now();
      const states = call.keys.filter((key) => /:m\d+$/.test(key));
      const holds = call.keys.filter((key) => key.endsWith(":holds"));
      const pipeline = redis.pipeline();
      for (const key of states) pipeline.hset(key, { epoch: "epoch", base: 0, own: 5, version: 1, held: 8192 });
      for (let i = 0; i < 4096 && holds.length > 0; i++) {
        const key = holds[i % holds.length] ?? "";
        pipeline.zadd(key, now - 1000, `1:gone-${i}`, now + 60_000, `1:${i}`);
      }
      if (holds.length > 0) pipeline.set("q:{acme}:id", `params\ncall \n\nm0:h:1:${now + 60_000}:0:1 2 month`);
      for (let i = 0; i < 1000; i++) pipeline.zadd("q:{dirty}", now - 1000, `count-${i}`);
      await pipeline.exec();
    },
    run: (stage) => stage.call(name, call.keys, call.args(String(Date.now()))),
  };
}
