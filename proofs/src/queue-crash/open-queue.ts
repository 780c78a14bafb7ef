import { createQueue, defineJobs, job, type Queue, type QueueStore } from "@scale/queue";
import { pgClient } from "@scale/queue/pg";
import { postgresStore } from "@scale/queue/postgres";
import { redisStore } from "@scale/queue/redis";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { z } from "zod";

/** Where the queue of a proof lives; crosses into the worker processes. */
export interface QueuePlace {
  readonly store: "redis" | "postgres";
  readonly url: string;
  /** Queues of one server do not meet. */
  readonly name: string;
  /** Jobs of one tenant that run at once; no cap without it. */
  readonly maxInFlight?: number;
}

/** The one job of the proofs, and what its handler does. */
const input = z.object({
  /** Milliseconds that it takes unless its signal aborts. */
  ms: z.number(),
  /**
   * - `always`: it takes that long in each run
   * - `first`: only in its first run
   */
  slow: z.enum(["always", "first"]),
  /** It goes on after its signal aborted. */
  deaf: z.boolean(),
});

export const jobs = defineJobs({
  work: job({ input, attempts: 5, maxCrashes: 20, timeout: "10m", backoff: { kind: "fixed", delay: "50ms" } }),
});

export interface OpenQueue {
  readonly queue: Queue<typeof jobs>;
  close(): Promise<void>;
}

export function openQueue({ store, url, name, maxInFlight = Infinity }: QueuePlace): OpenQueue {
  const { connection, close } = store === "redis" ? openRedis(url) : openPostgres(url);
  const queue = createQueue(jobs, {
    name,
    store: connection,
    fairness: { share: () => ({ maxInFlight }) },
    timeoutMs: 2000,
  });
  return {
    queue,
    async close() {
      await queue.close();
      await close();
    },
  };
}

interface Opened {
  readonly connection: QueueStore;
  close(): Promise<void>;
}

function openRedis(url: string): Opened {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 100 });
  // Each command rejects as well.
  redis.on("error", () => undefined);
  return {
    connection: redisStore({ redis }),
    async close() {
      redis.disconnect();
    },
  };
}

function openPostgres(url: string): Opened {
  const pool = new Pool({ connectionString: url, max: 10 });
  pool.on("error", () => undefined);
  return { connection: postgresStore({ client: pgClient(pool) }), close: () => pool.end() };
}
