import { once } from "node:events";
import type { CacheStore } from "@scale/cache";
import { redisStore as redisCacheStore } from "@scale/cache/redis";
import { StoreError } from "@scale/core";
import type { PoolLike, Router } from "@scale/db-router";
import { type BulkUsageStore, memoryUsage } from "@scale/quota";
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
  /** Of a database to use, in place of an embedded Postgres with two replicas. */
  readonly databaseUrl?: string;
  /** Of its replicas. */
  readonly replicaUrls?: readonly string[];
  /** @default what a laptop needs */
  readonly pools?: { readonly primary: PoolSize; readonly replica: PoolSize };
  /** How many statements of a tenant may run at the same time. */
  readonly maxConcurrencyOf: (tenantId: string) => number;
  /** Signs what goes to clients; the same in all processes. */
  readonly secret: string;
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
export type LimitStore =
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
  readonly limitStore: LimitStore;
  /** Where usage is counted. */
  readonly usage: BulkUsageStore;
  /** Where cached values are shared; `undefined` without Redis. */
  readonly cacheStore: CacheStore | undefined;
}

/** The defaults of `@scale/db-router` are 20 and 30 connections, of a machine that has nothing else to do. */
const POOLS = { primary: { max: 10, min: 2 }, replica: { max: 10, min: 2 } } as const;

/** Log of the primary that it keeps for replicas: minutes, on a disk that somebody works on. */
const EMBEDDED_POSTGRES = { replicas: 2, settings: { wal_keep_size: "64MB", max_wal_size: "128MB" } } as const;

/** The most that a frozen Redis adds to a request, and only to those that were asked before the first was late. */
const REDIS_TIMEOUT_MS = 40;

/** Starts what is not there already, and leaves a filled database. */
export async function startComponents(options: ComponentOptions, teardown: Teardown): Promise<Components> {
  const starting = [startDatabase(options, teardown), startLimitStore(options, teardown)] as const;
  // When one fails, the other must have finished before it can be stopped.
  await Promise.allSettled(starting);
  const [database, limitStore] = await Promise.all(starting);
  return {
    database,
    limitStore,
    usage: startUsage({ database, limitStore }, options, teardown),
    cacheStore: startCacheStore(limitStore, teardown),
  };
}

/** With a connection of its own for what other processes invalidate: one that subscribes takes no commands. */
function startCacheStore(limitStore: LimitStore, teardown: Teardown): CacheStore | undefined {
  if (limitStore.is === "memory") return undefined;
  const { redis } = limitStore;
  const subscriber = redis.duplicate();
  teardown.defer(() => subscriber.disconnect());
  // It goes when the other one goes, which is reported; and it is listened to again when it is back.
  subscriber.on("error", () => undefined);
  return redisCacheStore({ redis, subscriber, timeoutMs: REDIS_TIMEOUT_MS });
}

/** In Redis as limits are, and written to Postgres behind it: a month is longer than Redis can be trusted for. */
function startUsage(
  { database, limitStore }: Pick<Components, "database" | "limitStore">,
  { onError }: ComponentOptions,
  teardown: Teardown,
): BulkUsageStore {
  if (limitStore.is === "memory") return memoryUsage();
  const { outsideTenant, pool, router } = database;
  // Written for many tenants at once, and read when Redis has lost it: what a replica lacks would be sold twice.
  const query: PoolLike["query"] = (text, values) =>
    outsideTenant(() => router.primary(() => pool.query(text, values)));
  const ledger = postgresLedger({ db: { query }, schema: SCHEMA });
  const usage = redisUsage({ redis: limitStore.redis, ledger, timeoutMs: REDIS_TIMEOUT_MS });
  // What cannot be written now stays in Redis, and another process writes it.
  teardown.defer(() => usage.close().catch(onError));
  return usage;
}

async function startDatabase(options: ComponentOptions, teardown: Teardown): Promise<DatabaseComponent> {
  const { databaseUrl, pools = POOLS, maxConcurrencyOf: maxConcurrencyOf, secret, onError } = options;
  const server = databaseUrl === undefined ? await startPostgres(EMBEDDED_POSTGRES) : undefined;
  teardown.defer(() => server?.stop());
  const url = databaseUrl ?? server?.url ?? "";
  const replicaUrls = server?.replicas.map((replica) => replica.url) ?? options.replicaUrls ?? [];
  const connection = connectDatabase({ url, replicaUrls, pools, maxConcurrencyOf, secret, onError });
  teardown.defer(() => connection.router.close());
  await checkConnection(url, connection.router);
  await migrate(connection.pool);
  await seed(connection.db);
  // From the first request on replicas are known to have all of it, or not to.
  await connection.router.refresh();
  return { ...connection, server };
}

/** Of the primary alone: without its replicas the product works. */
async function checkConnection(url: string, router: Router): Promise<void> {
  try {
    await router.primaryPool().query("select 1");
  } catch (cause) {
    const { host, pathname } = new URL(url);
    // Not the whole URL: it may hold a password.
    throw new StoreError(`the database at ${host}${pathname} cannot be used: ${describeError(cause)}`, { cause });
  }
}

async function startLimitStore({ redisUrl, onError }: ComponentOptions, teardown: Teardown): Promise<LimitStore> {
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
