import { setTimeout as sleep } from "node:timers/promises";
import { type Line, type SectionOptions, startPostgres, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { lateCaches } from "./cache.js";
import { lateRouters } from "./db-router.js";
import { freeze } from "./freezes.js";
import { lateLedger, quotaCalls } from "./quota.js";
import { rateLimitCalls, renewalCalls } from "./rate-limit.js";

/** Is nothing held, counted twice or lost by a call whose answer comes after its deadline? */
export async function* late({ smoke }: SectionOptions): AsyncIterable<Line> {
  const freezes = smoke ? 1 : 12;
  yield* onRedis(freezes);
  yield* onPostgres(freezes);
}

async function* onRedis(freezes: number): AsyncIterable<Line> {
  const server = await startRedis();
  const open: Redis[] = [];
  const connect = (): Redis => {
    // A client that sends a command again after a broken connection would charge twice.
    const redis = new Redis(server.url, { autoResendUnfulfilledCommands: false });
    redis.on("error", () => undefined);
    open.push(redis);
    return redis;
  };
  const admin = connect();
  const caches = await lateCaches(connect);
  try {
    const redis = connect();
    const calls = [...rateLimitCalls(redis), ...quotaCalls(connect()), ...caches.calls, ...renewalCalls(redis)];
    yield* freeze({ name: "Redis", freezes: [stop(server), (ms) => pauseClients(admin, ms)] }, calls, freezes);
  } finally {
    caches.close();
    for (const redis of open) redis.disconnect();
    await server.stop();
  }
}

async function* onPostgres(freezes: number): AsyncIterable<Line> {
  const [cluster, server] = await Promise.all([startPostgres({ replicas: 1, fresh: true }), startRedis()]);
  const redis = new Redis(server.url, { autoResendUnfulfilledCommands: false });
  const routers = await lateRouters(cluster);
  const ledger = await lateLedger(redis, cluster.primary.url);
  const onPrimary = [...routers.onPrimary, ...ledger.calls];
  try {
    yield* freeze({ name: "a replica", freezes: cluster.replicas.map(stop) }, routers.onReplica, freezes);
    yield* freeze({ name: "the primary", freezes: [stop(cluster.primary)] }, onPrimary, freezes);
  } finally {
    await Promise.all([routers.close(), ledger.close()]);
    redis.disconnect();
    await Promise.all([cluster.stop(), server.stop()]);
  }
}

/** SIGSTOP and SIGCONT. */
const stop =
  (server: { pause(): void; resume(): void }) =>
  async (lengthMs: number): Promise<void> => {
    server.pause();
    await sleep(lengthMs);
    server.resume();
  };

/** The server reads commands and carries none out. */
async function pauseClients(admin: Redis, lengthMs: number): Promise<void> {
  await admin.call("CLIENT", "PAUSE", String(Math.round(lengthMs)), "ALL");
  await sleep(lengthMs);
}
