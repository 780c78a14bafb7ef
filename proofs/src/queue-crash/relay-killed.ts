import { createDatabase, type Line, waitUntil } from "@scale/testkit";
import { createOutbox, type Outbox } from "@scale/queue/outbox";
import { type PgExecutor, pgClient } from "@scale/queue/pg";
import { createQueue } from "@scale/queue";
import { redisStore } from "@scale/queue/redis";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { line } from "../bound.js";
import { jobs, type QueuePlace } from "./open-queue.js";
import { countsOf } from "./recorder.js";
import type { RunRelay } from "./relay.worker.js";
import { createTables, type Stage } from "./stage.js";

const JOBS_PER_KILL = 20;
const MAX_STEPS = 100;

/** A relay is killed before and after each of its awaits. Does every job run, and each once? */
export async function* relayKilled(stage: Stage, every: number): AsyncIterable<Line> {
  const place = await stage.place("redis");
  const database = await openDatabase(stage, place, "relay_killed");
  const worker = await stage.worker(place, { concurrency: 20 });
  const written: string[] = [];
  const undone: string[] = [];
  let kills = 0;
  // Ends with the first kill that comes too late: the relay had committed what it delivered, and polled again.
  for (let isCovered = false; !isCovered && kills * every < MAX_STEPS; kills++) {
    written.push(...(await database.enqueue(JOBS_PER_KILL)));
    undone.push(...(await database.enqueueAndRollBack()));
    await relayUntil(stage, database, { place, databaseUrl: database.url, killAt: 1 + kills * every });
    isCovered = await database.isEmpty();
  }
  await relayUntil(stage, database, { place, databaseUrl: database.url, killAt: 0 });
  const runs = await runsOf(stage, written.length);
  const about = `queue-crash: outbox relay killed at ${kills} of its awaits`;
  const missing = written.filter((id) => !runs.has(id)).length;
  const twice = written.filter((id) => (runs.get(id) ?? 0) > 1).length;
  const ghosts = undone.filter((id) => runs.has(id)).length;
  yield line({ proof: `${about}, kills`, unit: "kills", value: kills, bound: { atLeast: every === 1 ? 12 : 1 } });
  yield line({ proof: `${about}, missing of ${written.length}`, unit: "jobs", value: missing, bound: { atMost: 0 } });
  yield line({ proof: `${about}, run twice`, unit: "jobs", value: twice, bound: { atMost: 0 } });
  yield line({
    proof: `${about}, of transactions that rolled back`,
    unit: "jobs",
    value: ghosts,
    bound: { atMost: 0 },
  });
  await Promise.all([worker.close(), database.close()]);
}

/** The database is dropped and made again: its sequences start at 1, and the destination knows the old jobs. */
export async function* databaseRecreated(stage: Stage, count: number): AsyncIterable<Line> {
  const place = await stage.place("redis");
  const worker = await stage.worker(place, { concurrency: 50 });
  let ran = 0;
  for (let i = 0; i < 2; i++) {
    await stage.recorder.flushall();
    const database = await openDatabase(stage, place, "relay_recreated");
    const written = await database.enqueue(count);
    await relayUntil(stage, database, { place, databaseUrl: database.url, killAt: 0 });
    const runs = await runsOf(stage, count);
    ran = written.filter((id) => runs.has(id)).length;
    await database.close();
  }
  await worker.close();
  yield line({
    proof: `queue-crash: database dropped and made again, jobs of ${count} that were swallowed`,
    unit: "jobs",
    value: count - ran,
    bound: { atMost: 0 },
  });
}

interface OutboxDatabase {
  readonly url: string;
  /** Enqueues jobs in transactions that commit, and resolves to their ids. */
  enqueue(count: number): Promise<readonly string[]>;
  enqueueAndRollBack(): Promise<readonly string[]>;
  isEmpty(): Promise<boolean>;
  close(): Promise<void>;
}

async function openDatabase(stage: Stage, place: QueuePlace, name: string): Promise<OutboxDatabase> {
  const url = await createDatabase(stage.postgresUrl, name);
  await createTables(url);
  const pool = new Pool({ connectionString: url, max: 4 });
  // The next database of this name ends its connections.
  pool.on("error", () => undefined);
  const redis = new Redis(place.url);
  const outbox: Outbox<PgExecutor> = createOutbox({ client: pgClient(pool) });
  const queue = createQueue(jobs, { name: place.name, store: redisStore({ redis }), outbox });
  const inTransaction = async (count: number, end: "commit" | "rollback"): Promise<readonly string[]> => {
    const client = await pool.connect();
    await client.query("begin");
    const requests = Array.from({ length: count }, (_, i) => ({
      name: "work" as const,
      data: { ms: 0, slow: "always" as const, deaf: false },
      tenantId: `tenant-${i % 5}`,
    }));
    const outcomes = await queue.in(client).enqueueMany(requests);
    await client.query(end);
    client.release();
    return outcomes.flatMap((outcome) => (outcome.kind === "stored" ? [outcome.id] : []));
  };
  return {
    url,
    enqueue: (count) => inTransaction(count, "commit"),
    enqueueAndRollBack: () => inTransaction(5, "rollback"),
    async isEmpty() {
      return (await pool.query("select 1 from scale_outbox limit 1")).rowCount === 0;
    },
    async close() {
      await queue.close();
      redis.disconnect();
      await pool.end();
    },
  };
}

/** Runs a relay until it is killed, or until the outbox is empty when it never is. */
async function relayUntil(stage: Stage, database: OutboxDatabase, run: RunRelay): Promise<void> {
  const pool = await stage.relay(run);
  const isOver = async (): Promise<boolean> =>
    run.killAt === 0 ? await database.isEmpty() : pool.pids[0] === undefined;
  await waitUntil(isOver, { what: "the relay", timeoutMs: 60_000 });
  await pool.close();
}

/** Runs of each job, once no more come. */
async function runsOf(stage: Stage, expected: number): Promise<ReadonlyMap<string, number>> {
  const ended = async (): Promise<boolean> => (await countsOf(stage.recorder, "end")).size >= expected;
  await waitUntil(ended, { what: "the jobs", timeoutMs: 30_000, everyMs: 50 }).catch(() => undefined);
  // A second run would come from a job that was stored twice, and is there by now.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return countsOf(stage.recorder, "start");
}
