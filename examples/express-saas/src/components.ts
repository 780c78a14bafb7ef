import { once } from "node:events";
import type { CacheStore } from "@scale/cache";
import { redisStore as redisCacheStore } from "@scale/cache/redis";
import { StoreError } from "@scale/core";
import type { Router } from "@scale/db-router";
import { type FlagSource, memorySource } from "@scale/flags";
import { redisSource } from "@scale/flags/redis";
import { type UsageStore, memoryUsage } from "@scale/quota";
import { postgresLedger, redisUsage } from "@scale/quota/redis";
import { memoryStore, type RateLimitStore } from "@scale/rate-limit";
import { redisStore } from "@scale/rate-limit/redis";
import { type PostgresCluster, type RedisServer, startPostgres, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { connectDatabase, type DatabaseConnection, type PoolSize } from "./db/client.js";
import { migrate } from "./db/migrate.js";
import { SCHEMA } from "./db/schema.js";
import { seed } from "./db/seed.js";
import { describeError } from "./describe-error.js";
import type { Teardown } from "./teardown.js";

export interface ComponentOptions {
  /** URL of an existing database. @default an embedded Postgres with two replicas */
  readonly databaseUrl?: string;
  /** URLs of the replicas of `databaseUrl`. */
  readonly replicaUrls?: readonly string[];
  /** Pool sizes for each server. @default sizes for a laptop */
  readonly pools?: { readonly primary: PoolSize; readonly replica: PoolSize };
  /** Maximum number of statements a tenant may run at the same time. */
  readonly maxConcurrencyOf: (tenantId: string) => number;
  /** Signs cursors and session tokens. Must be equal in all processes. */
  readonly secret: string;
  /** URL of an existing Redis. @default an embedded Redis */
  readonly redisUrl?: string;
  /** Receives errors of idle connections, which no caller awaits. */
  readonly onError: (error: unknown) => void;
}

export interface DatabaseComponent extends DatabaseConnection {
  /** `undefined` with `databaseUrl`. */
  readonly server: PostgresCluster | undefined;
}

/** Store of the rate limit counters: Redis, or the memory of this process. */
export type LimitStore =
  | {
      readonly is: "redis";
      readonly store: RateLimitStore;
      readonly redis: Redis;
      readonly url: string;
      /** `undefined` with `redisUrl`. */
      readonly server: RedisServer | undefined;
    }
  | {
      readonly is: "memory";
      readonly store: RateLimitStore;
      /** Reason why Redis is not used. */
      readonly reason: string;
    };

/** Servers and stores that the app uses. */
export interface Components {
  readonly database: DatabaseComponent;
  readonly limitStore: LimitStore;
  /** Store of the usage counters. */
  readonly usage: UsageStore;
  /** Second-level cache store; `undefined` without Redis. */
  readonly cacheStore: CacheStore | undefined;
  /** Live source of the flags. */
  readonly flagSource: FlagSource;
  /** Connection for subscriptions; `undefined` without Redis. */
  readonly subscriber: Redis | undefined;
}

/** Smaller than the defaults of `@scale/db-router` (20 and 30 connections), which assume a dedicated machine. */
const POOLS = { primary: { max: 10, min: 2 }, replica: { max: 10, min: 2 } } as const;

/** The primary keeps a few minutes of WAL for its replicas, which limits the disk space on a developer machine. */
const EMBEDDED_POSTGRES = { replicas: 2, settings: { wal_keep_size: "64MB", max_wal_size: "128MB" } } as const;

/** Maximum delay a frozen Redis adds to a request. After the first timeout, requests no longer wait for Redis. */
const REDIS_TIMEOUT_MS = 40;

/** Starts the servers that are not configured, runs the migrations and seeds the database. */
export async function startComponents(options: ComponentOptions, teardown: Teardown): Promise<Components> {
  const starting = [startDatabase(options, teardown), startLimitStore(options, teardown)] as const;
  // When one fails, the other must finish starting before the teardown can stop it.
  await Promise.allSettled(starting);
  const [database, limitStore] = await Promise.all(starting);
  const usage = startUsage({ database, limitStore }, options, teardown);
  return { database, limitStore, usage, ...startSubscribers(limitStore, teardown) };
}

/**
 * The cache store and the source of the flags. They share a separate connection for subscriptions with the streams of
 * notifications, because a subscribed Redis connection accepts no other commands.
 */
function startSubscribers(
  limitStore: LimitStore,
  teardown: Teardown,
): Pick<Components, "cacheStore" | "flagSource" | "subscriber"> {
  if (limitStore.is === "memory") return { cacheStore: undefined, flagSource: memorySource(), subscriber: undefined };
  const { redis } = limitStore;
  const subscriber = redis.duplicate();
  teardown.defer(() => subscriber.disconnect());
  // It breaks together with the main connection, which reports the error, and it resubscribes after a reconnect.
  subscriber.on("error", () => undefined);
  return {
    subscriber,
    cacheStore: redisCacheStore({ redis, subscriber, timeoutMs: REDIS_TIMEOUT_MS }),
    // No request waits for it.
    flagSource: redisSource({ redis, subscriber }),
  };
}

/** Counts in Redis and flushes the counts to Postgres, because monthly usage must survive the loss of Redis. */
function startUsage(
  { database, limitStore }: Pick<Components, "database" | "limitStore">,
  { onError }: ComponentOptions,
  teardown: Teardown,
): UsageStore {
  if (limitStore.is === "memory") return memoryUsage();
  const { outsideTenant, pool, router } = database;
  // The ledger reads and writes on the primary, outside any tenant. A count from a lagging replica would grant units twice.
  const query = (text: string, values?: unknown[]) =>
    outsideTenant(() => router.primary(() => pool.query(text, values)));
  const ledger = postgresLedger({ db: { query }, schema: SCHEMA });
  const usage = redisUsage({ redis: limitStore.redis, ledger, timeoutMs: REDIS_TIMEOUT_MS });
  // Counts that cannot be flushed now stay in Redis, and another process flushes them.
  teardown.defer(() => usage.close().catch(onError));
  return usage;
}

async function startDatabase(options: ComponentOptions, teardown: Teardown): Promise<DatabaseComponent> {
  const { databaseUrl, pools = POOLS, maxConcurrencyOf, secret, onError } = options;
  const server = databaseUrl === undefined ? await startPostgres(EMBEDDED_POSTGRES) : undefined;
  teardown.defer(() => server?.stop());
  const url = databaseUrl ?? server?.url ?? "";
  const replicaUrls = server?.replicas.map((replica) => replica.url) ?? options.replicaUrls ?? [];
  const connection = connectDatabase({ url, replicaUrls, pools, maxConcurrencyOf, secret, onError });
  teardown.defer(() => connection.router.close());
  await checkConnection(url, connection.router);
  await migrate(connection.pool);
  await seed(connection.db);
  // Replicas serve when they have the seeded rows. Until then, also after the timeout, the primary does.
  await connection.router.ready({ caughtUp: true }).catch(onError);
  return { ...connection, server };
}

/** Checks the primary only: the product works without its replicas. */
async function checkConnection(url: string, router: Router): Promise<void> {
  try {
    await router.primaryPool().query("select 1");
  } catch (cause) {
    const { host, pathname } = new URL(url);
    // Omits the rest of the URL, which may contain a password.
    throw new StoreError(`the database at ${host}${pathname} cannot be reached: ${describeError(cause)}`, { cause });
  }
}

async function startLimitStore({ redisUrl, onError }: ComponentOptions, teardown: Teardown): Promise<LimitStore> {
  let server: RedisServer | undefined;
  try {
    server = redisUrl === undefined ? await startRedis() : undefined;
  } catch (error) {
    // The example runs without Redis, but shows less. The console and the page name the reason.
    return { is: "memory", store: memoryStore(), reason: describeError(error) };
  }
  teardown.defer(() => server?.stop());
  const url = redisUrl ?? server?.url ?? "";
  const redis = await connectRedis(url, onError);
  teardown.defer(() => redis.disconnect());
  return { is: "redis", store: redisStore({ redis, timeoutMs: REDIS_TIMEOUT_MS }), redis, url, server };
}

/** A Redis client for the request path: commands never wait for a connection, and it reconnects soon after Redis is back. */
async function connectRedis(url: string, onError: (error: unknown) => void): Promise<Redis> {
  const redis = new Redis(url, {
    // A queued command would be counted after Redis is back, long after its request was decided without it.
    enableOfflineQueue: false,
    // A command whose reply was lost may have been counted. A retry would count it twice.
    maxRetriesPerRequest: 0,
    // The default delay grows with each attempt, so that a recovered Redis would go unnoticed for seconds.
    retryStrategy: () => 100,
    // A host that drops packets never closes a connection. The timeouts close it, so that a new attempt can succeed.
    connectTimeout: 1000,
    socketTimeout: 1000,
  });
  // Every failed connection attempt emits an error. One report per outage is enough.
  let reported = false;
  redis.on("error", (error) => {
    if (!reported) onError(error);
    reported = true;
  });
  redis.on("ready", () => {
    reported = false;
  });
  // Without this wait the first requests would be decided locally. They still are when Redis is down.
  await once(redis, "ready", { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
  return redis;
}
