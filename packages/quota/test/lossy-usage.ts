import { type RedisServer, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import type { Pool } from "pg";
import { driftFind } from "../src/events.js";
import { postgresLedger, type RedisUsage, redisUsage, type RedisUsageOptions } from "../src/usage/redis/index.js";
import type { CountStatus, Period } from "../src/types.js";
import type { ChangeOutcome } from "../src/usage/store.js";
import { ledgerPool } from "../scenarios/ledger-pool.js";

export const PREFIX = "scale:quota";

const DAY_MS = 86_400_000;
const period: Period = { key: "month-1", startsAt: 1_700_000_000_000, endsAt: 1_700_000_000_000 + 30 * DAY_MS };

/** A Redis that a test may wipe, a ledger, and one tenant with a limit of 100 tokens. */
export interface LossyUsage {
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly pool: Pool;
  /** The tenant of the current test. */
  readonly tenantId: string;
  /** Switches to another tenant. */
  freshTenant(): { tenantId: string; metric: string; period: Period };
  /** Starts a store like another process would. It flushes to the ledger only when the test calls `flush`. */
  start(options?: Partial<RedisUsageOptions>): RedisUsage;
  of100(units: number): ReturnType<LossyUsage["freshTenant"]> & { limit: number; max: number; units: number };
  use(store: RedisUsage, units: number): Promise<ChangeOutcome | undefined>;
  reserve(store: RedisUsage, id: string, units: number): Promise<ChangeOutcome | undefined>;
  status(store: RedisUsage): Promise<CountStatus | undefined>;
  /** Units of the tenant in the ledger. */
  written(): Promise<number>;
  /** Closes all stores and wipes Redis. */
  clean(): Promise<void>;
  stop(): Promise<void>;
}

export async function startLossyUsage(postgresUrl: string, name: string): Promise<LossyUsage> {
  const server = await startRedis();
  const redis = new Redis(server.url, { retryStrategy: () => 20 });
  redis.on("error", () => undefined);
  const { pool, written } = await ledgerPool(postgresUrl, name);
  const open: RedisUsage[] = [];
  let tenants = 0;
  const address = () => ({ tenantId: `tenant-${tenants}`, metric: "tokens", period });
  const of100 = (units: number) => ({ ...address(), limit: 100, max: 100, units });
  return {
    ...{ server, redis, pool, of100 },
    get tenantId() {
      return address().tenantId;
    },
    freshTenant() {
      tenants++;
      return address();
    },
    start(options) {
      const ledger = postgresLedger({ db: pool });
      const store = redisUsage({ redis, ledger, timeoutMs: 5000, flushEveryMs: 3_600_000, ...options });
      open.push(store);
      return store;
    },
    use: async (store, units) =>
      (await store.consume({ tenantId: address().tenantId, changes: [of100(units)] })).changes[0],
    async reserve(store, id, units) {
      return (await store.reserve({ ...address(), id, ttlMs: 60_000, changes: [of100(units)] })).changes[0];
    },
    status: async (store) => (await store.read({ tenantId: address().tenantId, metrics: [address()] }))[0],
    written: () => written(address().tenantId),
    async clean() {
      await Promise.all(open.splice(0).map((store) => store.close().catch(() => undefined)));
      await redis.flushall();
    },
    async stop() {
      redis.disconnect();
      await pool.end();
      await server.stop();
    },
  };
}

/** Drift that was published during `run`. */
export async function drifts(run: () => Promise<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  const stop = driftFind.subscribe((message) => found.push(message));
  await run();
  stop();
  return found;
}
