import { createQueue, createWorker, defineJobs, job, type Queue } from "@scale/queue";
import { redisStore } from "@scale/queue/redis";
import { waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { z } from "zod";
import type { ScriptCase, ScriptStage } from "./server-time.js";

const JOBS = 1000;
const TENANTS = 100;

const jobs = defineJobs({
  works: job({ input: z.object({ text: z.string() }), attempts: 1 }),
  fails: job({ input: z.object({ text: z.string() }), attempts: 1 }),
});

type CrmQueue = Queue<typeof jobs>;

/** Opens the queue on a connection of its own, and closes both after the work. */
async function withQueue(stage: ScriptStage, work: (queue: CrmQueue) => Promise<unknown>): Promise<void> {
  const redis = new Redis(stage.server.url, { maxRetriesPerRequest: null });
  const queue = createQueue(jobs, { name: "attack", store: redisStore({ redis }), timeoutMs: 10_000 });
  try {
    await work(queue);
  } finally {
    await queue.close();
    redis.disconnect();
  }
}

function fill(queue: CrmQueue, name: "works" | "fails", tenants: number): Promise<unknown> {
  const data = { text: "x".repeat(200) };
  return queue.enqueueMany(Array.from({ length: JOBS }, (_, i) => ({ name, data, tenantId: `tenant-${i % tenants}` })));
}

async function runAll(queue: CrmQueue): Promise<void> {
  let ended = 0;
  const worker = createWorker(
    queue,
    {
      works: () => void ended++,
      fails: () => {
        ended++;
        throw new Error("no");
      },
    },
    { concurrency: 200 },
  );
  await waitUntil(() => ended >= JOBS, { what: "every job", timeoutMs: 20_000 });
  await worker.drain({ deadlineMs: 1000 });
}

/** The queue, by its public calls: its scripts are put together with those of BullMQ. */
export const queueCases: readonly ScriptCase[] = [
  {
    scripts: ["queue/add.lua"],
    input: `enqueueMany of ${JOBS} jobs of ${TENANTS} tenants`,
    run: (stage) => withQueue(stage, (queue) => fill(queue, "works", TENANTS)),
  },
  {
    scripts: ["queue/turn.lua"],
    input: `${JOBS} jobs of ${TENANTS} tenants, a worker of 200`,
    prepare: (stage) => withQueue(stage, (queue) => fill(queue, "works", TENANTS)),
    run: (stage) => withQueue(stage, runAll),
  },
  {
    scripts: ["queue/list.lua"],
    input: `a page of ${JOBS} jobs`,
    prepare: (stage) => withQueue(stage, (queue) => fill(queue, "works", TENANTS)),
    run: (stage) => withQueue(stage, (queue) => queue.list({ state: "waiting", limit: JOBS })),
  },
  {
    scripts: ["queue/cancel-tenant.lua"],
    input: `${JOBS} jobs of one tenant`,
    prepare: (stage) => withQueue(stage, (queue) => fill(queue, "works", 1)),
    run: (stage) => withQueue(stage, (queue) => queue.cancel({ tenantId: "tenant-0" })),
  },
  {
    scripts: ["queue/redrive.lua"],
    input: `${JOBS} dead jobs`,
    prepare: (stage) =>
      withQueue(stage, async (queue) => {
        await fill(queue, "fails", TENANTS);
        await runAll(queue);
      }),
    run: (stage) => withQueue(stage, (queue) => queue.dead.redrive()),
  },
];
