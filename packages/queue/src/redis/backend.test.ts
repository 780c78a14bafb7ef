import { randomUUID } from "node:crypto";
import { waitUntil } from "@scale/testkit";
import { DelayedError, FlowProducer, type Job, type JobsOptions, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { fairBackend } from "./backend.js";
import { bullmqNames } from "./open-queue.js";
import { redisStore } from "./store.js";

const url = inject("redisUrl");
const NOISY = 40;

interface Data {
  readonly tenantId: string;
}

const tenantOf = ({ data }: { readonly data: unknown }): string => (data as Data).tenantId;
const backend = fairBackend({ tenantOf });

describe.skipIf(url === "")("fairBackend", () => {
  let connection: Redis;
  const closers: (() => Promise<unknown>)[] = [];
  beforeAll(() => {
    connection = new Redis(url, { maxRetriesPerRequest: null });
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  afterAll(() => connection.quit());

  function setup(prefixed: string = randomUUID()) {
    const { name, prefix } = bullmqNames(`raw-${prefixed}`);
    const queue = new Queue<Data>(name, { connection, prefix }, backend);
    closers.push(() => queue.close());
    const order: string[] = [];
    const work = (
      run: (job: Job<Data>, token?: string) => Promise<unknown> = async () => undefined,
      more = {},
    ): Worker => {
      const worker = new Worker<Data>(
        name,
        async (job, token) => {
          const result = await run(job, token);
          order.push(job.data.tenantId);
          return result;
        },
        { connection, prefix, concurrency: 1, stalledInterval: 300, lockDuration: 300, ...more },
        backend,
      );
      closers.push(() => worker.close(true));
      return worker;
    };
    const add = (tenantId: string, opts: JobsOptions = {}): Promise<Job<Data>> => queue.add("n", { tenantId }, opts);
    const noisyAndQuiet = async (opts: JobsOptions = {}): Promise<void> => {
      const jobs = Array.from({ length: NOISY }, () => ({ name: "n", data: { tenantId: "noisy" }, opts }));
      await queue.addBulk([...jobs, { name: "n", data: { tenantId: "quiet" }, opts }]);
    };
    const expectFair = async (): Promise<void> => {
      await waitUntil(() => order.length >= NOISY + 1, { what: "every job", timeoutMs: 10_000 });
      expect(order.indexOf("quiet")).toBeLessThanOrEqual(3);
      for (const list of ["wait", "prioritized", "fair:ready", "fair:owners", "fair:ring"])
        await waitUntil(async () => (await connection.exists(`${prefix}:${name}:${list}`)) === 0, {
          what: `${list} to be empty`,
        });
    };
    return { name, prefix, queue, order, work, add, noisyAndQuiet, expectFair };
  }

  describe("serves tenants in turn when their jobs arrive", () => {
    it.each<[string, JobsOptions]>([
      ["at once", {}],
      ["with a priority", { priority: 5 }],
      ["as last in, first out", { lifo: true }],
    ])("%s", async (_how, opts) => {
      const { work, noisyAndQuiet, expectFair } = setup();
      await noisyAndQuiet(opts);
      work();
      await expectFair();
    });

    it("after a delay", async () => {
      const { work, noisyAndQuiet, expectFair } = setup();
      await noisyAndQuiet({ delay: 100 });
      const dueMs = Date.now() + 100;
      await waitUntil(() => Date.now() > dueMs, { what: "every job to be due" });
      work();
      await expectFair();
    });

    it("by promotion", async () => {
      const { queue, work, noisyAndQuiet, expectFair } = setup();
      await noisyAndQuiet({ delay: 60_000 });
      await queue.promoteJobs();
      work();
      await expectFair();
    });

    it("by retry with a back-off", async () => {
      const { work, noisyAndQuiet, expectFair } = setup();
      await noisyAndQuiet({ attempts: 2, backoff: { type: "fixed", delay: 300 } });
      work(
        async (job) => {
          if (job.attemptsMade === 0) throw new Error("first");
        },
        { concurrency: 1 },
      );
      await expectFair();
    });

    it("by retry of failed jobs", async () => {
      const { queue, work, noisyAndQuiet, expectFair, order } = setup();
      await noisyAndQuiet({ attempts: 1 });
      let fails = true;
      const failing = work(async () => {
        if (fails) throw new Error("no");
      });
      await waitUntil(async () => (await queue.getJobCounts("failed"))["failed"] === NOISY + 1, { what: "failures" });
      await failing.close();
      fails = false;
      expect(order).toEqual([]);
      await queue.retryJobs();
      work();
      await expectFair();
    });

    it("from the processor, with moveToDelayed", async () => {
      const { work, noisyAndQuiet, expectFair } = setup();
      await noisyAndQuiet();
      work(async (job, token) => {
        if (job.attemptsStarted > 1) return;
        await job.moveToDelayed(Date.now() + 400, token);
        throw new DelayedError();
      });
      await expectFair();
    });

    it("from a worker that died", async () => {
      const { queue, add, work, expectFair } = setup();
      await queue.addBulk(Array.from({ length: NOISY }, () => ({ name: "n", data: { tenantId: "noisy" } })));
      const dying = work(() => new Promise(() => undefined), {
        ...{ concurrency: NOISY, lockDuration: 2000, skipLockRenewal: true, skipStalledCheck: true },
      });
      await waitUntil(async () => (await queue.getActiveCount()) === NOISY, { what: "the jobs to run" });
      await dying.close(true);
      await add("quiet");
      // Takes the jobs over without running them, until all are back in their line.
      await queue.pause();
      work(undefined, { maxStalledCount: 9 });
      await waitUntil(async () => (await queue.getActiveCount()) === 0, { what: "the recovery" });
      await queue.resume();
      await expectFair();
    });

    it("from a scheduler and as parents of a flow", async () => {
      const { name, prefix, queue, work, noisyAndQuiet, expectFair } = setup();
      await noisyAndQuiet();
      await queue.upsertJobScheduler("s", { every: 60_000 }, { name: "n", data: { tenantId: "scheduled" } });
      const flows = new FlowProducer({ connection, prefix }, backend);
      closers.push(() => flows.close());
      const child = { name: "n", queueName: name, data: { tenantId: "child" }, prefix };
      await flows.add({ name: "n", queueName: name, prefix, data: { tenantId: "parent" }, children: [child] });
      const worker = work();
      await expectFair();
      await waitUntil(async () => (await queue.getJobCounts("completed"))["completed"] === NOISY + 4, {
        what: "the flow",
      });
      await worker.close();
    });
  });

  it("shows waiting jobs to counts, getters and states", async () => {
    const { queue, add, noisyAndQuiet } = setup();
    await noisyAndQuiet();
    const job = await add("quiet");
    expect(await queue.getJobCounts("waiting", "active")).toEqual({ waiting: NOISY + 2, active: 0 });
    expect(await queue.getWaitingCount()).toBe(NOISY + 2);
    expect(await job.getState()).toBe("waiting");
    expect(await job.isWaiting()).toBe(true);
    const waiting = await queue.getJobs(["waiting"], 0, 9);
    expect(waiting).toHaveLength(10);
    expect(await queue.getWaiting()).toHaveLength(NOISY + 2);
    expect(new Set((await queue.getWaiting()).map(({ id }) => id)).has(job.id)).toBe(true);
  });

  it("removes, cleans and drains waiting jobs, and leaves nothing of an obliterated queue's lines", async () => {
    const { queue, add, noisyAndQuiet } = setup();
    await noisyAndQuiet();
    const job = await add("quiet");
    await job.remove();
    expect(await queue.getWaitingCount()).toBe(NOISY + 1);
    expect(await queue.clean(0, 5, "wait")).toHaveLength(5);
    expect(await queue.getWaitingCount()).toBe(NOISY - 4);
    await queue.drain();
    expect(await queue.getWaitingCount()).toBe(0);
    await noisyAndQuiet();
    await queue.obliterate({ force: true });
    expect(await queue.getJobCounts("waiting", "active", "delayed")).toEqual({ waiting: 0, active: 0, delayed: 0 });
  });

  it("starts no job of a paused queue", async () => {
    const { queue, work, order, noisyAndQuiet, expectFair } = setup();
    await noisyAndQuiet();
    await queue.pause();
    work();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([order, await queue.getWaitingCount()]).toEqual([[], NOISY + 1]);
    await queue.resume();
    await expectFair();
  });

  it("shares jobs with redisStore, and refuses a job without a tenant", async () => {
    const id = randomUUID();
    const { queue, add, work, order } = setup(id);
    const stored = redisStore({ redis: connection }).open({
      ...{ name: `raw-${id}`, charge: "count" },
      retention: { finished: { count: 10, ageMs: 60_000 }, dead: { count: 10, ageMs: 60_000 } },
    });
    closers.push(() => stored.close());
    await add("acme");
    expect(await stored.counts()).toMatchObject({ waiting: 1 });
    expect(await stored.tenantStats("acme")).toMatchObject({ waiting: 1 });
    work();
    await waitUntil(() => order.length === 1, { what: "the job" });
    await expect(queue.add("n", { tenantId: "" })).rejects.toMatchObject({ code: "SCALE_TENANT" });
  });
});
