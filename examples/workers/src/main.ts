import { setTimeout as sleep } from "node:timers/promises";
import { loadScaleEnv } from "@scale/env";
import { checkRedis } from "@scale/queue/doctor";
import { redisStore } from "@scale/queue/redis";
import { Redis } from "ioredis";
import { openQueues } from "./queues.js";
import { startWorkers } from "./workers.js";

/** Below the 30 seconds after which Kubernetes and pm2 kill a process that was told to end. */
const DRAIN_MS = 25_000;

/** A handler of the example takes this long, and says what it would have done. */
const WORK_MS = 200;

async function main(): Promise<void> {
  const env = loadScaleEnv(process.env, { require: ["REDIS_URL"] });
  if (!env.features.jobQueues) {
    console.log("workers: ENABLE_JOB_QUEUES is off: jobs run in the processes that enqueue them");
    return;
  }
  const redis = new Redis(env.redis.url, { maxRetriesPerRequest: 0 });
  redis.on("error", (error) => console.error(`workers: redis: ${error.message}`));
  for (const { severity, message, fix } of await checkRedis({ redis })) console.warn(`${severity}: ${message}. ${fix}`);
  const queues = openQueues(redisStore({ redis }));
  const workers = startWorkers(queues, {
    async run(effect, signal) {
      await sleep(WORK_MS, undefined, { signal });
      console.log(`done: ${effect}`);
    },
  });
  const ended = untilSignal();
  await workers.ready();
  console.log("workers: ready");
  await ended;
  await workers.drain(DRAIN_MS);
  await Promise.all(Object.values(queues).map((queue) => queue.close()));
  redis.disconnect();
  console.log("workers: drained");
}

/** Resolves at the first signal to end. The second one ends the process at once: its jobs run again elsewhere. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (isAsked) process.exit(1);
        isAsked = true;
        resolve();
      });
    }
  });
}

main().catch((error: unknown) => {
  console.error(`workers: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
