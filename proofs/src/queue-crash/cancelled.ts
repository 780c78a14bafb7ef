import { type Line, seededRandom, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";
import type { OpenQueue, QueuePlace } from "./open-queue.js";
import { countsOf, readEvents } from "./recorder.js";
import type { Stage } from "./stage.js";

const SEED = 20_261_130;
const MAX_MS = 1000;
/** Duration of the jobs whose end and cancel meet. */
const SHORT_MS = 150;

/** Jobs run in one process and are cancelled from this one, at random moments. */
export async function* cancelled(stage: Stage, store: QueuePlace["store"], timings: number): AsyncIterable<Line> {
  const random = seededRandom(SEED);
  const place = await stage.place(store);
  const { queue, close } = stage.open(place);
  const worker = await stage.worker(place, { concurrency: 20 });
  const about = `queue-crash: ${store}, cancel from a second process at ${timings} random timings (seed ${SEED})`;
  try {
    const long = await inBatches(timings, 20, () => cancelOne(stage, queue, { ms: 60_000, afterMs: random() * 300 }));
    const inTime = long.filter(({ tookMs, outcome }) => outcome !== "finished" && tookMs <= MAX_MS).length;
    yield line({
      proof: `${about}, aborted or removed in 1 s`,
      unit: "jobs",
      value: inTime,
      bound: { atLeast: timings },
    });
    const slowest = Math.max(...long.map(({ tookMs }) => tookMs));
    yield line({ proof: `${about}, slowest`, unit: "ms", value: slowest, bound: { atMost: MAX_MS } });
    // Around the end of the job, where the two can meet.
    const short = await inBatches(timings, 20, () =>
      cancelOne(stage, queue, { ms: SHORT_MS, afterMs: random() * 2 * SHORT_MS, fromStart: true }),
    );
    const both = [...long, ...short].filter(({ outcome, state }) => outcome !== "finished" && state === "completed");
    const neither = [...long, ...short].filter(({ outcome, state }) => outcome !== "finished" && state !== "cancelled");
    const completed = short.filter(({ outcome }) => outcome === "finished").length;
    yield line({
      proof: `${about}, both cancelled and completed`,
      unit: "jobs",
      value: both.length,
      bound: { atMost: 0 },
    });
    yield line({ proof: `${about}, in another state`, unit: "jobs", value: neither.length, bound: { atMost: 0 } });
    yield line({ proof: `${about}, completed first`, unit: "jobs", value: completed, bound: { atLeast: 1 } });
    const won = short.length - completed;
    yield line({ proof: `${about}, cancelled while it ran`, unit: "jobs", value: won, bound: { atLeast: 1 } });
  } finally {
    await Promise.all([worker.close(), close()]);
  }
}

interface Cancelled {
  readonly outcome: string;
  /** From the call of `cancel` to the abort in the worker, or to the removal. */
  readonly tookMs: number;
  readonly state: string | undefined;
}

interface Timing {
  /** Duration of the job. */
  readonly ms: number;
  readonly afterMs: number;
  /** Counts `afterMs` from the start of the job, and not from its enqueue. */
  readonly fromStart?: boolean;
}

async function cancelOne(
  stage: Stage,
  queue: OpenQueue["queue"],
  { ms, afterMs, fromStart = false }: Timing,
): Promise<Cancelled> {
  const { id } = await queue.enqueue("work", { ms, slow: "always", deaf: false }, { tenantId: "acme" });
  const hasStarted = async (): Promise<boolean> => (await countsOf(stage.recorder, "start")).has(id);
  if (fromStart) await waitUntil(hasStarted, { what: "the start" });
  await passed(afterMs);
  const begun = Date.now();
  const outcome = await queue.cancel(id);
  let tookMs = Date.now() - begun;
  if (outcome === "cancelling") {
    const isOver = async (): Promise<boolean> =>
      (await countsOf(stage.recorder, "abort")).has(id) || (await countsOf(stage.recorder, "end")).has(id);
    while (!(await isOver()) && Date.now() - begun < 5000) await passed(20);
    const over = (await readEvents(stage.recorder)).find((event) => event.id === id && event.is !== "start");
    tookMs = (over?.at ?? Infinity) - begun;
  }
  const state = await settledState(queue, id);
  return { outcome, tookMs, state };
}

/** State of a job that does not run any more; `undefined` for one that was removed. */
async function settledState(queue: OpenQueue["queue"], id: string): Promise<string | undefined> {
  for (let i = 0; i < 100; i++) {
    const job = await queue.get(id);
    if (job?.state !== "active") return job?.state;
    await passed(50);
  }
  return "active";
}

async function inBatches<T>(count: number, size: number, run: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  while (results.length < count) {
    results.push(...(await Promise.all(Array.from({ length: Math.min(size, count - results.length) }, run))));
  }
  return results;
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
