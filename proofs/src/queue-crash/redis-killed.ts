import { type Line, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";
import { countsOf, readEvents } from "./recorder.js";
import type { Stage } from "./stage.js";

const DOWN_MS = 500;

/** SIGKILL of a Redis with an append-only file while jobs are enqueued and run. */
export async function* redisKilled(stage: Stage, trials: number): AsyncIterable<Line> {
  let [acknowledged, lost, rejected, slowestMs] = [0, 0, 0, 0];
  for (let trial = 0; trial < trials; trial++) {
    const outcome = await killOnce(stage, 1000 + 300 * trial);
    acknowledged += outcome.acknowledged;
    lost += outcome.lost;
    rejected += outcome.rejected;
    slowestMs = Math.max(slowestMs, outcome.resumedMs);
  }
  const about = `queue-crash: Redis with AOF killed under load x ${trials}`;
  yield line({
    proof: `${about}, jobs acknowledged`,
    unit: "jobs",
    value: acknowledged,
    bound: { atLeast: 100 * trials },
  });
  yield line({ proof: `${about}, acknowledged jobs that never ran`, unit: "jobs", value: lost, bound: { atMost: 0 } });
  yield line({ proof: `${about}, enqueues that rejected`, unit: "jobs", value: rejected, bound: { atLeast: 0 } });
  yield line({
    proof: `${about}, workers resume after its restart`,
    unit: "ms",
    value: slowestMs,
    bound: { atMost: 5000 },
  });
}

interface Outcome {
  readonly acknowledged: number;
  readonly lost: number;
  readonly rejected: number;
  readonly resumedMs: number;
}

async function killOnce(stage: Stage, afterMs: number): Promise<Outcome> {
  const place = await stage.place("redis");
  const { queue, close } = stage.open(place);
  const workers = await Promise.all([1, 2].map(() => stage.worker(place, { concurrency: 5 })));
  const acknowledged: string[] = [];
  const producing = { isOver: false, rejected: 0 };
  const produce = async (tenantId: string): Promise<void> => {
    while (!producing.isOver) {
      try {
        const { id } = await queue.enqueue("work", { ms: 5, slow: "always", deaf: false }, { tenantId });
        acknowledged.push(id);
      } catch {
        producing.rejected++;
      }
      await passed(5);
    }
  };
  const producers = ["a", "b", "c", "d"].map(produce);
  await passed(afterMs);
  await stage.redis.kill();
  await passed(DOWN_MS);
  await stage.redis.restart();
  const restartedAt = Date.now();
  const resumed = async (): Promise<boolean> =>
    (await readEvents(stage.recorder)).some(({ is, at }) => is === "start" && at >= restartedAt);
  await waitUntil(resumed, { what: "a job after the restart", timeoutMs: 30_000 }).catch(() => undefined);
  const first = (await readEvents(stage.recorder)).find(({ is, at }) => is === "start" && at >= restartedAt);
  await passed(500);
  producing.isOver = true;
  await Promise.all(producers);
  const missing = async (): Promise<number> => {
    const ended = await countsOf(stage.recorder, "end");
    return acknowledged.filter((id) => !ended.has(id)).length;
  };
  // Jobs that ran during the kill wait for the end of their lease.
  await waitUntil(async () => (await missing()) === 0, { what: "every job", timeoutMs: 40_000, everyMs: 100 }).catch(
    () => undefined,
  );
  const lost = await missing();
  await Promise.all([...workers.map((worker) => worker.close()), close()]);
  const resumedMs = first === undefined ? Infinity : first.at - restartedAt;
  return { acknowledged: acknowledged.length, lost, rejected: producing.rejected, resumedMs };
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
