import { type Line, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";
import type { QueuePlace } from "./open-queue.js";
import { countsOf } from "./recorder.js";
import type { Stage } from "./stage.js";

const DEADLINE_MS = 1000;
const JOBS = 3;

/** A worker is drained while its handlers hang and do not listen to their signals. */
export async function* hanging(stage: Stage, store: QueuePlace["store"], trials: number): AsyncIterable<Line> {
  let [slowestMs, elsewhere, slowestElsewhereMs] = [0, 0, 0];
  for (let trial = 0; trial < trials; trial++) {
    const place = await stage.place(store);
    const { queue, close } = stage.open(place);
    const first = await stage.worker(place, { concurrency: JOBS });
    const data = { ms: 600_000, slow: "first", deaf: true } as const;
    for (let i = 0; i < JOBS; i++) await queue.enqueue("work", data, { tenantId: "acme" });
    await waitUntil(async () => (await countsOf(stage.recorder, "start")).size === JOBS, { what: "the first runs" });
    const second = await stage.worker(place, { concurrency: JOBS });
    slowestMs = Math.max(slowestMs, (await first.drain(DEADLINE_MS)) - DEADLINE_MS);
    const drainedAt = Date.now();
    const ended = async (): Promise<number> => (await countsOf(stage.recorder, "end")).size;
    await waitUntil(async () => (await ended()) === JOBS, { what: "the second runs", timeoutMs: 30_000 }).catch(
      () => undefined,
    );
    slowestElsewhereMs = Math.max(slowestElsewhereMs, Date.now() - drainedAt);
    elsewhere += await ended();
    await Promise.all([first.close(), second.close(), close()]);
  }
  const about = `queue-crash: ${store}, drain of a worker with ${JOBS} jobs that hang x ${trials}`;
  yield line({ proof: `${about}, after its deadline`, unit: "ms", value: slowestMs, bound: { atMost: 500 } });
  yield line({
    proof: `${about}, jobs that ran elsewhere`,
    unit: "jobs",
    value: elsewhere,
    bound: { atLeast: JOBS * trials },
  });
  yield line({ proof: `${about}, the last one after`, unit: "ms", value: slowestElsewhereMs, bound: { atLeast: 0 } });
}
