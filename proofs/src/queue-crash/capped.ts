import { type Line, seededRandom, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";
import type { OpenQueue, QueuePlace } from "./open-queue.js";
import { countsOf, type JobEvent, readEvents } from "./recorder.js";
import type { Stage, WorkerProcess } from "./stage.js";

const SEED = 20_261_130;
const CAP = 4;
const TENANTS = ["a:b", "{a}", "a b"];
const LEASE_MS = 2000;

/** Three workers are killed at random while every tenant is at its cap. */
export async function* capped(stage: Stage, store: QueuePlace["store"], jobs: number): AsyncIterable<Line> {
  const random = seededRandom(SEED);
  const place = await stage.place(store, CAP);
  const { queue, close } = stage.open(place);
  const tenantOf = new Map<string, string>();
  for (let i = 0; i < jobs; i++) {
    for (const tenantId of TENANTS) tenantOf.set(await enqueue(queue, tenantId, 20 + random() * 60), tenantId);
  }
  const startWorker = (): Promise<WorkerProcess> => stage.worker(place, { concurrency: 8, leaseMs: LEASE_MS });
  const workers = await Promise.all([0, 1, 2].map(startWorker));
  const killedAt = new Map<number, number>();
  for (const [index, victim] of [...workers].entries()) {
    await passed(200 + random() * 400);
    await victim.kill();
    killedAt.set(victim.pid, Date.now());
    workers[index] = await startWorker();
  }
  const ended = async (): Promise<number> => (await countsOf(stage.recorder, "end")).size;
  const isDone = async (): Promise<boolean> => (await ended()) === tenantOf.size;
  await waitUntil(isDone, { what: "every job", timeoutMs: 90_000, everyMs: 50 }).catch(() => undefined);
  const events = await readEvents(stage.recorder);
  const ofTenant = (tenant: string): JobEvent[] => events.filter(({ id }) => tenantOf.get(id) === tenant);
  const most = Math.max(...TENANTS.map((tenant) => mostAtOnce(ofTenant(tenant), killedAt)));
  const about = `queue-crash: ${store}, 3 random SIGKILLs at a cap of ${CAP} (seed ${SEED})`;
  const jobsInAll = jobs * TENANTS.length;
  yield line({ proof: `${about}, jobs that ended`, unit: "jobs", value: await ended(), bound: { atLeast: jobsInAll } });
  yield line({ proof: `${about}, most jobs of a tenant at once`, unit: "jobs", value: most, bound: { atMost: CAP } });
  const taken = await takenSlots(stage, queue);
  yield line({ proof: `${about}, slots that stay taken`, unit: "slots", value: taken, bound: { atMost: 0 } });
  await Promise.all([...workers.map((worker) => worker.close()), close()]);
}

async function enqueue(queue: OpenQueue["queue"], tenantId: string, ms: number): Promise<string> {
  return (await queue.enqueue("work", { ms, slow: "always", deaf: false }, { tenantId })).id;
}

/** Highest number of jobs that ran at once. A job of a killed process ran until the kill. */
function mostAtOnce(events: readonly JobEvent[], killedAt: ReadonlyMap<number, number>): number {
  const edges: { readonly at: number; readonly change: 1 | -1 }[] = [];
  for (const { id, pid, at } of events.filter(({ is }) => is === "start")) {
    const end = events.find((event) => event.is !== "start" && event.id === id && event.pid === pid && event.at >= at);
    edges.push({ at, change: 1 }, { at: end?.at ?? killedAt.get(pid) ?? Infinity, change: -1 });
  }
  // An end and a start in the same millisecond: the end came first, because it freed the slot.
  edges.sort((a, b) => a.at - b.at || a.change - b.change);
  let [now, most] = [0, 0];
  for (const { change } of edges) most = Math.max(most, (now += change));
  return most;
}

/** Enqueues as many slow jobs as each tenant has slots. @returns the number of those that do not start */
async function takenSlots(stage: Stage, queue: OpenQueue["queue"]): Promise<number> {
  const ids: string[] = [];
  for (const tenantId of TENANTS) {
    for (let i = 0; i < CAP; i++) ids.push(await enqueue(queue, tenantId, 600_000));
  }
  const waiting = async (): Promise<number> => {
    const started = await countsOf(stage.recorder, "start");
    return ids.filter((id) => !started.has(id)).length;
  };
  await waitUntil(async () => (await waiting()) === 0, { what: "the free slots", timeoutMs: 10_000 }).catch(
    () => undefined,
  );
  return waiting();
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
