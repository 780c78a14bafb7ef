import { randomUUID } from "node:crypto";
import { type RedisServer, startRedis, startRedisCluster, waitUntil } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis5";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import type { Consumer, NewJob, Settlement, StoredQueue } from "../store.js";
import type { TenantShare } from "../types.js";
import { redisStore } from "./store.js";

const available = inject("redisUrl") !== "";
const SHARE: TenantShare = { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity };
const LEASE_MS = 1000;
const RETENTION = { finished: { count: 0, ageMs: 0 }, dead: { count: 10, ageMs: 60_000 } };

function newJob(job: Partial<NewJob> = {}): NewJob {
  return {
    ...{ id: randomUUID(), name: "n", version: 1, payload: '"x"', tenantId: "acme", priority: "normal", cost: 1 },
    ...{ maxAttempts: 3, maxCrashes: 3, enqueuedAtMs: Date.now(), share: SHARE },
    ...job,
  };
}

const jobs = (count: number, job: Partial<NewJob> = {}): NewJob[] => Array.from({ length: count }, () => newJob(job));

/** Runs jobs, and counts how often each ran. */
function work(queue: StoredQueue, run: () => Promise<void> = async () => undefined): Work {
  const runs = new Map<string, number>();
  let running = 0;
  const result = { runs, peak: 0, applied: 0, failed: 0 };
  const consumer = queue.consume(
    {
      async run({ job }): Promise<Settlement> {
        runs.set(job.id, (runs.get(job.id) ?? 0) + 1);
        running += 1;
        result.peak = Math.max(result.peak, running);
        await run();
        running -= 1;
        return { kind: "completed", usedMs: 1 };
      },
      settled: (_job, _settlement, outcome) => {
        if (outcome === "applied") result.applied += 1;
      },
      failed: () => void (result.failed += 1),
    },
    { concurrency: 10, leaseMs: LEASE_MS },
  );
  return Object.assign(result, { consumer });
}

interface Work {
  readonly runs: ReadonlyMap<string, number>;
  readonly consumer: Consumer;
  peak: number;
  applied: number;
  /** Turns that failed. */
  failed: number;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!available)("redisStore and its server", () => {
  let server: RedisServer;
  let admin: Redis;
  let queues: StoredQueue[] = [];
  beforeAll(async () => {
    server = await startRedis({ aof: true });
    admin = new Redis(server.url, { retryStrategy: () => 50 }).on("error", () => undefined);
  });
  afterEach(async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    queues = [];
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  function open(timeoutMs = 3000): StoredQueue {
    const redis = new Redis(server.url, { lazyConnect: true });
    const queue = redisStore({ redis, timeoutMs }).open({
      name: `q-${randomUUID()}`,
      charge: "count",
      retention: RETENTION,
    });
    queues.push(queue);
    return queue;
  }

  /** Nothing is left of the jobs: no slot, no tenant in the ring, no job in a line. */
  async function expectNoLeaks(queue: StoredQueue): Promise<void> {
    // A call that met its deadline may have been carried out.
    const isEmpty = async (): Promise<boolean> => {
      const { waiting, delayed, active } = await queue.counts();
      return waiting + delayed + active === 0;
    };
    await waitUntil(isEmpty, { what: "every job to end" });
    for (const kind of ["owners", "ring", "parked", "ready", "none"]) {
      const keys = await admin.keys(`*fair:${kind}`);
      for (const key of keys) expect([key, await admin.type(key)]).toEqual([key, "none"]);
    }
    for (const key of await admin.keys("*fair:t:*")) expect(await admin.pttl(key)).toBeGreaterThan(0);
  }

  it("rejects within its deadline while the server is frozen, and settles what ran meanwhile", async () => {
    const queue = open(300);
    await queue.add([newJob()]);
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const worker = work(queue, () => ended);
    await waitUntil(() => worker.runs.size === 1, { what: "the first run" });
    server.pause();
    end();
    const startedAt = performance.now();
    await expect(queue.add([newJob()])).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
    expect(performance.now() - startedAt).toBeLessThan(1000);
    await expect(queue.add([newJob()])).rejects.toMatchObject({ notSent: true });
    server.resume();
    await waitUntil(async () => (await queue.counts().catch(() => undefined))?.active === 0, {
      what: "the settlement",
    });
    await expectNoLeaks(queue);
  });

  it("runs every job after the server was killed and came back with its log", async () => {
    const queue = open();
    const all = jobs(200);
    await queue.add(all);
    const worker = work(queue, () => pause(5));
    await waitUntil(() => worker.applied > 40, { what: "some jobs" });
    await server.kill();
    const restarted = performance.now();
    await server.restart();
    await waitUntil(() => worker.runs.size === all.length, { what: "every job", timeoutMs: 10_000 });
    expect(performance.now() - restarted).toBeLessThan(5000);
    await waitUntil(async () => (await queue.counts().catch(() => undefined))?.active === 0, { what: "settlements" });
    await expectNoLeaks(queue);
  });

  it("runs every job while its connections are cut and the scripts are flushed, and exceeds no cap", async () => {
    const queue = open();
    const all = jobs(300, { share: { ...SHARE, maxInFlight: 4 } });
    await queue.add(all);
    const worker = work(queue, () => pause(3));
    for (let i = 0; i < 8; i++) {
      await pause(30);
      await admin.script("FLUSH");
      await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    }
    await waitUntil(() => worker.runs.size === all.length, { what: "every job", timeoutMs: 10_000 });
    await waitUntil(async () => (await queue.counts().catch(() => undefined))?.active === 0, { what: "settlements" });
    expect(worker.peak).toBeLessThanOrEqual(4);
    await expectNoLeaks(queue);
  });

  it("stores nothing when the server is out of memory, and still settles and runs jobs", async () => {
    const queue = open();
    await queue.add(jobs(50));
    await admin.config("SET", "maxmemory", "1mb");
    await expect(queue.add([newJob()])).rejects.toMatchObject({ code: "SCALE_STORE" });
    expect((await queue.counts()).waiting).toBe(50);
    const worker = work(queue);
    await waitUntil(() => worker.applied > 0 || worker.failed > 1, { what: "turns without memory" });
    await admin.config("SET", "maxmemory", "0");
    await waitUntil(() => worker.applied === 50, { what: "every job", timeoutMs: 10_000 });
    await queue.add([newJob()]);
    await waitUntil(() => worker.applied === 51, { what: "the next job" });
    await expectNoLeaks(queue);
  });

  it("keeps every key of a queue in one slot, whatever the names contain", async () => {
    await admin.flushall();
    const redis = new Redis(server.url, { lazyConnect: true });
    const queue = redisStore({ redis }).open({ name: "a}:{b", charge: "count", retention: RETENTION });
    queues.push(queue);
    await queue.add([
      newJob({ tenantId: "{x}:*" }),
      newJob({ tenantId: "__proto__", id: "wait" }),
      newJob({ id: "fair:ring" }),
    ]);
    const worker = work(queue);
    await waitUntil(() => worker.applied === 3, { what: "every job" });
    const keys = await admin.keys("*");
    expect(new Set(keys.map((key) => /^\{([^}]*)\}/.exec(key)?.[1]))).toEqual(new Set(["scale:a%7d%3a%7bb"]));
  });

  it("works with ioredis 5", async () => {
    const redis = new Redis5(server.url, { lazyConnect: true });
    const queue = redisStore({ redis }).open({ name: `q-${randomUUID()}`, charge: "count", retention: RETENTION });
    queues.push(queue);
    await queue.add(jobs(20));
    const worker = work(queue);
    await waitUntil(() => worker.applied === 20, { what: "every job" });
    // Ours are closed; the client was never connected.
    await queue.close();
    expect(redis.status).toBe("wait");
  });
});

describe.skipIf(!available)("redisStore on a Cluster", () => {
  it("runs the jobs of queues in several slots", async () => {
    const cluster = await startRedisCluster();
    const redis = new Cluster([...cluster.addresses], {
      lazyConnect: true,
    });
    const store = redisStore({ redis, timeoutMs: 2000 });
    const queues = ["a", "b", "c"].map((name) => store.open({ name, charge: "time", retention: RETENTION }));
    try {
      await Promise.all(queues.map((queue) => queue.add(jobs(30))));
      const workers = queues.map((queue) => work(queue));
      await waitUntil(() => workers.every(({ applied }) => applied === 30), { what: "every job", timeoutMs: 10_000 });
    } finally {
      await Promise.all(queues.map((queue) => queue.close()));
      redis.disconnect();
      await cluster.stop();
    }
  });
});
