import { type Line, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";
import type { QueuePlace } from "./open-queue.js";
import { countsOf, readEvents } from "./recorder.js";
import type { Stage } from "./stage.js";

const JOBS = 10;

/** SIGKILL of a worker that runs 10 jobs: when does the last of them run again? */
export async function* workerKilled(stage: Stage, store: QueuePlace["store"], trials: number): AsyncIterable<Line> {
  let slowestMs = 0;
  let rerun = 0;
  for (let trial = 0; trial < trials; trial++) {
    const place = await stage.place(store);
    const { queue, close } = stage.open(place);
    const first = await stage.worker(place, { concurrency: JOBS });
    const data = { ms: 600_000, slow: "first", deaf: false } as const;
    for (let i = 0; i < JOBS; i++) await queue.enqueue("work", data, { tenantId: `tenant-${i % 3}` });
    await waitUntil(async () => (await countsOf(stage.recorder, "start")).size === JOBS, { what: "the first runs" });
    const second = await stage.worker(place, { concurrency: JOBS });
    await first.kill();
    const killedAt = Date.now();
    const allEnd = async (): Promise<boolean> => (await countsOf(stage.recorder, "end")).size === JOBS;
    await waitUntil(allEnd, { what: "the second runs", timeoutMs: 60_000, everyMs: 50 }).catch(() => undefined);
    const again = (await readEvents(stage.recorder)).filter(({ is, pid }) => is === "start" && pid === second.pid);
    rerun += new Set(again.map(({ id }) => id)).size;
    slowestMs = Math.max(slowestMs, ...again.map(({ at }) => at - killedAt));
    await Promise.all([first.close(), second.close(), close()]);
  }
  const about = `queue-crash: ${store}, SIGKILL of a worker with ${JOBS} jobs x ${trials}`;
  yield line({
    proof: `${about}, jobs that ran again`,
    unit: "jobs",
    value: rerun,
    bound: { atLeast: JOBS * trials },
  });
  yield line({ proof: `${about}, the last one after`, unit: "ms", value: slowestMs, bound: { atMost: 15_000 } });
}
