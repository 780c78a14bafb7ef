import { randomUUID } from "node:crypto";
import { waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { systemTimerClock } from "../../clock.js";
import { storeFallback } from "../../events.js";
import type { NewJob, Settlement, StoredQueue } from "../../store.js";
import { readBullmqScripts } from "../bullmq-scripts.js";
import { openQueue } from "../open-queue.js";
import { createVirtualTime } from "./virtual-time.js";

const url = inject("redisUrl");
const RETENTION = { finished: { count: 100, ageMs: 60_000 }, dead: { count: 100, ageMs: 60_000 } };
const FAILURE = { name: "Error", message: "no" };

describe("createVirtualTime", () => {
  it("interleaves tenants by their weights", () => {
    const time = createVirtualTime();
    const tags = (tenantId: string, weight: number): number[] =>
      Array.from({ length: 6 }, () => time.priorityOf({ tenantId, cost: 1, weight }, 500));
    expect(tags("a", 1)).toEqual([500, 600, 700, 800, 900, 1000]);
    expect(tags("b", 4)).toEqual([500, 525, 550, 575, 600, 625]);
  });
});

describe.skipIf(url === "")("the Redis store with a BullMQ that it does not know", () => {
  let redis: Redis;
  let queue: StoredQueue;
  const published: unknown[] = [];
  let leave: () => void;
  beforeAll(async () => {
    redis = new Redis(url);
    leave = storeFallback.subscribe((event) => published.push(event));
    const scripts = new Map(await readBullmqScripts());
    scripts.set("promote", { numberOfKeys: 9, lua: "return 1" });
    const open = { name: `fallback-${randomUUID()}`, charge: "count", retention: RETENTION } as const;
    queue = openQueue({ redis, prefix: "test", timeoutMs: 1000, clock: systemTimerClock, scripts, open });
  });
  afterAll(async () => {
    leave();
    await queue.close();
    await redis.quit();
  });

  const newJob = (job: Partial<NewJob> = {}): NewJob => ({
    ...{ id: randomUUID(), name: "n", version: 1, payload: '{"a":1}', tenantId: "noisy", priority: "normal", cost: 1 },
    ...{ maxAttempts: 3, maxCrashes: 3, enqueuedAtMs: Date.now() },
    share: { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity },
    ...job,
  });

  it("publishes the event", () => {
    expect(published).toMatchObject([{ queue: expect.stringMatching(/^fallback-/) }]);
  });

  it("runs jobs, in turn for the tenants of one producer, retries them and keeps the dead ones", async () => {
    const [dead, late] = [newJob({ tenantId: "dead" }), newJob({ tenantId: "late" })];
    await queue.add([...Array.from({ length: 30 }, () => newJob()), dead, late]);
    const quiet = newJob({ tenantId: "quiet", idempotency: { key: "k", ttlMs: 60_000 } });
    expect(await queue.add([quiet])).toEqual([{ kind: "stored", id: quiet.id }]);
    expect(await queue.add([newJob({ ...quiet, id: randomUUID() })])).toEqual([{ kind: "deduplicated", id: quiet.id }]);
    const order: string[] = [];
    const outcomes: string[] = [];
    const run = async (tenantId: string, attemptsMade: number): Promise<Settlement> => {
      order.push(tenantId);
      if (tenantId === "dead")
        return { kind: "dead", reason: "permanent", attemptsMade: 1, failure: FAILURE, usedMs: 1 };
      if (tenantId === "late" && attemptsMade === 0)
        return { kind: "retry", atMs: Date.now() + 50, attemptsMade: 1, failure: FAILURE, usedMs: 1 };
      return { kind: "completed", output: "1", usedMs: 1 };
    };
    queue.consume(
      {
        run: ({ job }) => run(job.tenantId, job.attemptsMade),
        settled: (_job, _settlement, outcome) => outcomes.push(outcome),
        failed: () => undefined,
      },
      { concurrency: 1, leaseMs: 2000 },
    );
    await waitUntil(() => outcomes.length === 34, { what: "every settlement", timeoutMs: 10_000 });
    expect(order.indexOf("quiet")).toBeLessThan(6);
    expect(new Set(outcomes)).toEqual(new Set(["applied"]));
    expect(await queue.get(quiet.id)).toMatchObject({ state: "completed", output: "1", payload: '{"a":1}' });
    expect(await queue.counts()).toEqual({ waiting: 0, delayed: 0, active: 0, dead: 1 });
    expect(await queue.get(dead.id)).toMatchObject({ state: "dead", deadReason: "permanent", attemptsMade: 1 });
    expect(await queue.redrive({ tenantId: "dead", max: 10, diedBeforeMs: Date.now() + 1 })).toMatchObject({
      moved: 1,
    });
  });

  it("rejects what it cannot do", async () => {
    await expect(queue.pauseTenant("a")).rejects.toMatchObject({ code: "SCALE_STORE", notSent: true });
  });
});
