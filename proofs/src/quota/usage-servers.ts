import { postgresLedger, type RedisUsage, redisUsage } from "@scale/quota/redis";
import { packageFile, type ProcessPool, startPostgres, startProcessPool, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { ledgerPool } from "@scale/quota/scenarios";

/** Number of units that one process was admitted. */
interface Answer {
  readonly admitted: number;
}

/** Redis, Postgres, and processes that use them. */
export interface UsageServers {
  readonly redis: Redis;
  /** Starts a store in this process, with the ledger. */
  start(flushEveryMs: number): RedisUsage;
  /** Starts other processes. With the ledger they never flush to it. */
  pool(size: number, withLedger?: "with ledger"): Promise<ProcessPool<Answer>>;
  /** Units of a metric in the ledger. */
  written(metric: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startUsage(): Promise<UsageServers> {
  const [server, postgres] = await Promise.all([startRedis(), startPostgres()]);
  const redis = new Redis(server.url);
  const { pool: db, url: postgresUrl, written } = await ledgerPool(postgres.primary.url, "usage");
  return {
    redis,
    start: (flushEveryMs) => redisUsage({ redis, ledger: postgresLedger({ db }), timeoutMs: 5000, flushEveryMs }),
    pool: (size, withLedger) =>
      startProcessPool({
        size,
        script: packageFile(import.meta.url, "@scale/quota", "scenarios/usage-race.worker.ts"),
        args: {
          ...{ redisUrl: server.url, prefix: "scale:quota" },
          ...(withLedger && { postgresUrl }),
        },
        parse: (reply: unknown) => reply as Answer,
      }),
    written: (metric) => written(TENANT, metric),
    async stop() {
      redis.disconnect();
      await db.end();
      await Promise.all([server.stop(), postgres.stop()]);
    },
  };
}

export const TENANT = "acme";

const period = { key: "month-1", startsAt: 0, endsAt: 4_000_000_000_000 };

/** Units of one metric with a hard limit, in a period that does not end during the proof. */
export const change = (metric: string, units: number, max: number) => ({ metric, period, units, limit: max, max });
