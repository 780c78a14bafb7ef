import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  bundle,
  createDatabase,
  type ProcessPool,
  startPostgres,
  startProcessPool,
  startRedis,
  type RedisServer,
} from "@scale/testkit";
import { onceTables } from "@scale/queue/once";
import { outboxTables } from "@scale/queue/outbox";
import { queueTables } from "@scale/queue/postgres";
import { Redis } from "ioredis";
import { Pool } from "pg";
import type { Ask, StartWorker } from "./job.worker.js";
import type { RunRelay } from "./relay.worker.js";
import { type OpenQueue, openQueue, type QueuePlace } from "./open-queue.js";

const SOURCES = new URL("../../../proofs/src/queue-crash/", import.meta.resolve("@scale/testkit"));

/** Bundles a worker module from its source, once for all its processes: the proofs themselves are one file. */
async function bundleWorker(name: string, folder: string): Promise<URL> {
  const own = await mkdtemp(join(folder, "worker-"));
  return pathToFileURL(await bundle(new URL(name, SOURCES), own));
}

/** The servers of the proof, and the processes that work on them. */
export interface Stage {
  /** The Redis of the queues, with an append-only file. */
  readonly redis: RedisServer;
  readonly postgresUrl: string;
  /** A place for a new queue, whose events are counted from zero. */
  place(store: QueuePlace["store"], maxInFlight?: number): Promise<QueuePlace>;
  /** Opens the queue in this process. */
  open(place: QueuePlace): OpenQueue;
  /** Starts a process with a worker; `kill` is SIGKILL. */
  worker(place: QueuePlace, options: Omit<StartWorker, "place" | "recorderUrl">): Promise<WorkerProcess>;
  /** Starts a process with a relay. */
  relay(run: RunRelay): Promise<ProcessPool<number>>;
  /** The server with the events of the jobs. */
  readonly recorder: Redis;
  stop(): Promise<void>;
}

export interface WorkerProcess {
  readonly pid: number;
  kill(): Promise<void>;
  /** Resolves to the milliseconds that the drain took. */
  drain(deadlineMs: number): Promise<number>;
  close(): Promise<void>;
}

export async function startStage(): Promise<Stage> {
  const [redis, recorderServer, postgres] = await Promise.all([
    startRedis({ aof: true }),
    startRedis(),
    startPostgres(),
  ]);
  const recorder = new Redis(recorderServer.url);
  const postgresUrl = await createDatabase(postgres.primary.url, "queue_crash");
  await createTables(postgresUrl);
  const folder = await mkdtemp(join(tmpdir(), "scale-queue-crash-"));
  const [jobWorker, relayWorker] = await Promise.all([
    bundleWorker("job.worker.ts", folder),
    bundleWorker("relay.worker.ts", folder),
  ]);
  let places = 0;
  return {
    redis,
    postgresUrl,
    recorder,
    async place(store, maxInFlight) {
      await recorder.flushall();
      const url = store === "redis" ? redis.url : postgresUrl;
      return { store, url, name: `crash-${places++}`, ...(maxInFlight !== undefined && { maxInFlight }) };
    },
    open: openQueue,
    worker: (place, options) => startWorker(jobWorker, { place, recorderUrl: recorderServer.url, ...options }),
    relay: (run) => startRelay(relayWorker, run),
    async stop() {
      recorder.disconnect();
      await Promise.all([redis.stop(), recorderServer.stop(), postgres.stop(), rm(folder, { recursive: true })]);
    },
  };
}

/** The tables of the package, in an empty database. */
export async function createTables(url: string): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  await pool.query(`${outboxTables()}${onceTables()}${queueTables()}`);
  await pool.end();
}

async function startRelay(script: URL, run: RunRelay): Promise<ProcessPool<number>> {
  const pool: ProcessPool<number> = await startProcessPool({ size: 1, script, parse: Number });
  await pool.one(0, run).catch(() => undefined); // Killed before it could answer.
  return pool;
}

async function startWorker(script: URL, start: StartWorker): Promise<WorkerProcess> {
  const pool: ProcessPool<number> = await startProcessPool({ size: 1, script, parse: Number });
  const ask = (message: Ask): Promise<number> => pool.one(0, message);
  const pid = await ask({ start });
  return {
    pid,
    kill: () => pool.kill(0),
    drain: (drainMs) => ask({ drainMs }),
    close: () => pool.close(),
  };
}
