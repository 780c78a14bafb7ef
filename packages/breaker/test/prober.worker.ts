import { createBreaker } from "@scale/breaker";
import { redisShare } from "@scale/breaker/redis";
import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import type { ProberArgs, ProberAsk, ProberReply } from "./probers.js";

let member: ReturnType<typeof start> | undefined;

function start({ url, prefix, leaseMs }: ProberArgs) {
  const redis = new Redis(url);
  const breaker = createBreaker({
    ...{ name: "upstream", minimumCalls: 2, rampMs: 0, share: redisShare({ redis, prefix, timeoutMs: 5000 }) },
    open: { baseMs: 200, maxMs: 200, jitter: 0 },
    halfOpen: { permits: 1, successRate: 1, leaseMs },
  });
  return { redis, breaker };
}

/** Fails twice, or calls every few milliseconds: calls hang, as those of a dependency that accepts and never answers. */
serveWorker(async (message, { args, index }): Promise<ProberReply> => {
  const { prefix } = args as ProberArgs;
  const { redis, breaker } = (member ??= start(args as ProberArgs));
  const ask = message as ProberAsk;
  if (ask.is === "trip") {
    for (let i = 0; i < 2; i++) await breaker.run(() => Promise.reject(new Error("down"))).catch(() => undefined);
    return { state: breaker.state, refused: 0 };
  }
  let refused = 0;
  const endMs = performance.now() + ask.forMs;
  const probe = async (): Promise<void> => {
    await redis.rpush(`${prefix}:probes`, `${index}:${Date.now()}`);
    if (!ask.isUp) await new Promise<never>(() => undefined);
  };
  while (performance.now() < endMs && breaker.state !== "closed") {
    void breaker.run(probe).catch(() => refused++);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { state: breaker.state, refused };
});
