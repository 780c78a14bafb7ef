import { once } from "node:events";
import { StoreError } from "@scale/core";
import { type BulkUsageStore, memoryUsage } from "@scale/quota";
import { postgresLedger, redisUsage } from "@scale/quota/redis";
import { memoryStore, type RateLimitStore } from "@scale/rate-limit";
import { redisStore } from "@scale/rate-limit/redis";
import { type PostgresCluster, type RedisServer, startPostgres, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import type { Pool } from "pg";
import { connectDatabase, type DatabaseConnection } from "./db/client.js";
import { migrate } from "./db/migrate.js";
import { SCHEMA } from "./db/schema.js";
import { seed } from "./db/seed.js";
import { describeError } from "./describe-error.js";
import type { Teardown } from "./teardown.js";

export interface ComponentOptions {
  /** Of a database to use, in place of an embedded Postgres. */
  readonly databaseUrl?: string;
  /** Of a Redis to use, in place of an embedded one. */
  readonly redisUrl?: string;
  /** Gets the errors of connections that nobody waits for. */
  readonly onError: (error: unknown) => void;
}

export interface DatabaseComponent extends DatabaseConnection {
  /** `undefined` with `databaseUrl`. */
  readonly server: PostgresCluster | undefined;
}

/** Where rate limits are counted. */
export type CounterComponent =
  | {
      readonly is: "redis";
      readonly store: RateLimitStore;
      readonly redis: Redis;
      /** `undefined` with `redisUrl`. */
      readonly server: RedisServer | undefined;
    }
  | {
      readonly is: "memory";
      readonly store: RateLimitStore;
      /** Why there is no Redis. */
      readonly reason: string;
    };

/** What the app stands on. */
export interface Components {
  readonly database: DatabaseComponent;
  readonly counters: CounterComponent;
  /** Where usage is counted. */
  readonly usage: BulkUsageStore;
}

/** The most that a frozen Redis adds to a request, and only to those that were asked before the first was late. */
const REDIS_TIMEOUT_MS = 40;

/** Starts what is not there already, and leaves a filled database. */
export async function startComponents(options: ComponentOptions, teardown: Teardown): Promise<Components> {
  const starting = [startDatabase(options, teardown), startCounters(options, teardown)] as const;
  // When one fails, the other must have finished before it can be stopped.
  await Promise.allSettled(starting);
  const [database, counters] = await Promise.all(starting);
  return { database, counters, usage: startUsage({ database, counters }, options, teardown) };
}

/** In Redis as limits are, and written to Postgres behind it: a month is longer than Redis can be trusted for. */
function startUsage(
  { database, counters }: Omit<Components, "usage">,
  { onError }: ComponentOptions,
  teardown: Teardown,
): BulkUsageStore {
  if (counters.is === "memory") return memoryUsage();
  const ledger = postgresLedger({ db: database.pool, schema: SCHEMA });
  const usage = redisUsage({ redis: counters.redis, ledger, timeoutMs: REDIS_TIMEOUT_MS });
  // What cannot be written now stays in Redis, and another process writes it.
  teardown.defer(() => usage.close().catch(onError));
  return usage;
}

async function startDatabase(
  { databaseUrl, onError }: ComponentOptions,
  teardown: Teardown,
): Promise<DatabaseComponent> {
  const server = databaseUrl === undefined ? await startPostgres() : undefined;
  teardown.defer(() => server?.stop());
  const url = databaseUrl ?? server?.url ?? "";
  const connection = connectDatabase(url, onError);
  teardown.defer(() => connection.pool.end());
  await checkConnection(url, connection.pool);
  await migrate(connection.pool);
  await seed(connection.db);
  return { ...connection, server };
}

async function checkConnection(url: string, pool: Pool): Promise<void> {
  try {
    await pool.query("select 1");
  } catch (cause) {
    const { host, pathname } = new URL(url);
    // Not the whole URL: it may hold a password.
    throw new StoreError(`the database at ${host}${pathname} cannot be used: ${describeError(cause)}`, { cause });
  }
}

async function startCounters({ redisUrl, onError }: ComponentOptions, teardown: Teardown): Promise<CounterComponent> {
  let server: RedisServer | undefined;
  try {
    server = redisUrl === undefined ? await startRedis() : undefined;
  } catch (error) {
    // The example needs a Redis to show what it is for, not to run. The console and the page say so.
    return { is: "memory", store: memoryStore(), reason: describeError(error) };
  }
  teardown.defer(() => server?.stop());
  const redis = await connectRedis(redisUrl ?? server?.url ?? "", onError);
  teardown.defer(() => redis.disconnect());
  return { is: "redis", store: redisStore({ redis, timeoutMs: REDIS_TIMEOUT_MS }), redis, server };
}

/** A client for the request path: it never waits for a connection, and is connected again soon after Redis is back. */
async function connectRedis(url: string, onError: (error: unknown) => void): Promise<Redis> {
  const redis = new Redis(url, {
    // A question that waits for a connection would be counted when Redis is back, long after it was answered without.
    enableOfflineQueue: false,
    // A question whose answer was lost may have been counted: sent again, it would be counted twice.
    maxRetriesPerRequest: 0,
    // The default waits longer after each attempt: Redis would be back for seconds before we noticed.
    retryStrategy: () => 100,
    // A host that swallows packets: give up such a connection, so that another can find it well again.
    connectTimeout: 1000,
    socketTimeout: 1000,
  });
  // Every attempt to connect fails with an error of its own; one for each outage says enough.
  let reported = false;
  redis.on("error", (error) => {
    if (!reported) onError(error);
    reported = true;
  });
  redis.on("ready", () => {
    reported = false;
  });
  // Without it the first requests would be decided here. With a Redis that is down, they are.
  await once(redis, "ready", { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  return redis;
}
