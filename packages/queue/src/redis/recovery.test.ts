import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type RedisServer, startRedis, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import type { NewJob, Settlement, StoredQueue } from "../store.js";
import type { StoredJob } from "../types.js";
import { bullmqNames } from "./open-queue.js";
import { redisStore } from "./store.js";

const LEASE_MS = 400;
const RETENTION = { finished: { count: 1000, ageMs: 60_000 }, dead: { count: 10, ageMs: 60_000 } };

const newJob = (job: Partial<NewJob> = {}): NewJob => ({
  ...{ id: randomUUID(), name: "n", version: 1, payload: "{}", tenantId: "acme", priority: "normal", cost: 1 },
  ...{ maxAttempts: 3, maxCrashes: 3, enqueuedAtMs: Date.now() },
  share: { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity },
  ...job,
});

/** A slot as `save_owners` of fair.lua packs it: flag, charge, start, length of the token; token; tenant. */
function slot(token: string, tenant: string): Buffer {
  const head = Buffer.alloc(19);
  head.writeDoubleLE(1, 1);
  head.writeDoubleLE(Date.now(), 9);
  head.writeUInt16LE(token.length, 17);
  return Buffer.concat([head, Buffer.from(token + tenant)]);
}

describe.skipIf(inject("redisUrl") === "")("redisStore and the slots of its jobs", () => {
  let server: RedisServer;
  let admin: Redis;
  const queues: StoredQueue[] = [];
  beforeAll(async () => {
    server = await startRedis();
    admin = new Redis(server.url);
  });
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  function open(options: { readonly timeoutMs?: number } = {}) {
    const queueName = `q-${randomUUID()}`;
    const redis = new Redis(server.url, { lazyConnect: true });
    const stored = redisStore({ redis, ...options }).open({ name: queueName, charge: "count", retention: RETENTION });
    queues.push(stored);
    const { name, prefix } = bullmqNames(queueName);
    return { stored, key: (rest: string) => `${prefix}:${name}:${rest}` };
  }

  function work(
    stored: StoredQueue,
    run: (job: StoredJob) => Promise<unknown> = async () => undefined,
    output?: string,
  ) {
    const seen: StoredJob[] = [];
    const outcomes: string[] = [];
    const consumer = stored.consume(
      {
        async run({ job }): Promise<Settlement> {
          seen.push(job);
          await run(job);
          return { kind: "completed", usedMs: 1, ...(output !== undefined && { output }) };
        },
        settled: (_job, _settlement, outcome) => void outcomes.push(outcome),
        failed: () => undefined,
      },
      { concurrency: 10, leaseMs: LEASE_MS },
    );
    return { seen, outcomes, consumer };
  }

  it("gives back ten thousand lost slots in one recovery", async () => {
    const { stored, key } = open();
    const lost = Array.from({ length: 10_000 }, (_, i): [string, Buffer] => [`job-${i}`, slot(`dead:${i}`, "acme")]);
    await admin.hset(key("fair:owners"), new Map(lost));
    work(stored);
    await waitUntil(async () => (await admin.exists(key("fair:owners"))) === 0, { what: "the slots to be given back" });
    const job = newJob();
    await stored.add([job]);
    await waitUntil(async () => (await stored.get(job.id))?.state === "completed", { what: "the next job" });
  });

  it("stores the end of a job whose lock ended while its process was blocked, unless another worker has it", async () => {
    const { stored, key } = open();
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const worker = work(stored, () => ended);
    const job = newJob();
    await stored.add([job]);
    await waitUntil(() => worker.seen.length === 1, { what: "the run" });
    await admin.del(key(`${job.id}:lock`));
    end();
    await waitUntil(() => worker.outcomes.length === 1, { what: "the end" });
    expect(worker.outcomes).toEqual(["applied"]);
    expect(worker.seen).toHaveLength(1);
    expect(await stored.get(job.id)).toMatchObject({ state: "completed", crashes: 0 });
    expect(await stored.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 0 });
  });

  it("reads pages without a repetition when jobs of a page were removed by another program", async () => {
    const { stored, key } = open();
    const jobs = Array.from({ length: 8 }, () => newJob());
    await stored.add(jobs);
    await admin.del(...jobs.slice(0, 3).map(({ id }) => key(id)));
    const ids: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await stored.list({ state: "waiting", tenantId: "acme", limit: 2, ...(cursor && { cursor }) });
      ids.push(...page.items.map(({ id }) => id));
      if (page.cursor === undefined) break;
      cursor = page.cursor;
    }
    expect(ids).toEqual(jobs.slice(3).map(({ id }) => id));
  });

  it("forgets the names of tenants whose record has expired", async () => {
    const { stored, key } = open();
    await stored.add(Array.from({ length: 50 }, (_, i) => newJob({ tenantId: `t-${i}` })));
    const worker = work(stored);
    await waitUntil(() => worker.outcomes.length === 50, { what: "every end" });
    for (let i = 0; i < 50; i += 2) await admin.del(key(`fair:t:t-${i}`));
    await waitUntil(async () => (await admin.zcard(key("fair:tenants"))) === 25, { what: "half of the names to go" });
  });

  it("goes on after everything was deleted while its jobs ran", async () => {
    const { stored } = open();
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const share = { weight: 1, maxInFlight: 4, maxBacklog: Infinity };
    const worker = work(stored, () => ended);
    await stored.add(Array.from({ length: 20 }, () => newJob({ share })));
    await waitUntil(() => worker.seen.length === 4, { what: "the runs" });
    await admin.flushall();
    end();
    await waitUntil(() => worker.outcomes.length === 4, { what: "the ends" });
    expect(worker.outcomes).toEqual(["lost", "lost", "lost", "lost"]);
    await stored.add(Array.from({ length: 10 }, () => newJob({ share })));
    await waitUntil(() => worker.outcomes.length === 14, { what: "the next jobs" });
    expect(await stored.tenantStats("acme")).toMatchObject({ waiting: 0, active: 0 });
  });

  it("keeps no large output in the events of the queue", async () => {
    const { stored, key } = open();
    const output = JSON.stringify("x".repeat(100_000));
    const worker = work(stored, async () => undefined, output);
    const jobs = Array.from({ length: 20 }, () => newJob());
    await stored.add(jobs);
    await waitUntil(() => worker.outcomes.length === 20, { what: "every end" });
    expect(await admin.memory("USAGE", key("events"))).toBeLessThan(100_000);
    for (const { id } of jobs) expect((await stored.get(id))?.output).toBe(output);
    const completed = (await admin.xrange(key("events"), "-", "+")).filter(([, fields]) => fields[1] === "completed");
    expect(completed).toHaveLength(20);
  });

  it("closes within a second while the server is frozen, however long its calls may take", async () => {
    const { stored } = open({ timeoutMs: 5000 });
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const worker = work(stored, () => ended);
    await stored.add([newJob()]);
    await waitUntil(() => worker.seen.length === 1, { what: "the run" });
    server.pause();
    try {
      end();
      // The settlement is on its way.
      await setImmediate();
      const startedAt = performance.now();
      await worker.consumer.close();
      expect(performance.now() - startedAt).toBeLessThan(1300);
      expect(worker.outcomes).toEqual(["failed"]);
    } finally {
      server.resume();
    }
  });
});
