import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import { Pool } from "pg";
import type { Period } from "../src/index.js";
import { postgresLedger, type RedisUsage, redisUsage } from "../src/usage/redis/index.js";

export interface RaceArgs {
  readonly redisUrl: string;
  readonly prefix: string;
  /** With a ledger. This process is killed before its first flush, so that other processes have to write its usage. */
  readonly postgresUrl?: string;
}

export interface RaceCalls {
  /** `mixed` reserves, and then commits fewer units, more units or none. */
  readonly what: "reserve" | "use" | "mixed";
  readonly metric: string;
  readonly asks: number;
  readonly units: number;
  readonly max: number;
  readonly ttlMs?: number;
}

export const racePeriod: Period = { key: "month-1", startsAt: 0, endsAt: 4_000_000_000_000 };

let store: RedisUsage | undefined;

function start({ redisUrl, prefix, postgresUrl }: RaceArgs): RedisUsage {
  const redis = new Redis(redisUrl);
  if (postgresUrl === undefined) return redisUsage({ redis, prefix, timeoutMs: 10_000 });
  const ledger = postgresLedger({ db: new Pool({ connectionString: postgresUrl, max: 2 }) });
  return redisUsage({ redis, prefix, ledger, timeoutMs: 10_000, flushEveryMs: 3_600_000 });
}

/** Makes all calls at once, and returns the admitted units and the reached thresholds. */
serveWorker(async (message, { index, args }) => {
  const usage = (store ??= start(args as RaceArgs));
  const { what, metric, asks, units, max, ttlMs = 60_000 } = message as RaceCalls;
  const change = { metric, period: racePeriod, units, limit: max, max };
  let admitted = 0;
  const reached: number[] = [];

  async function reserve(n: number): Promise<void> {
    const id = `${metric}:${index}:${n}`;
    const outcome = await usage.reserve({ tenantId: "acme", id, ttlMs, changes: [change] });
    if (!outcome.admitted) return;
    if (what === "reserve") admitted++;
    else await commitOrRelease(id, n);
  }

  async function commitOrRelease(id: string, n: number): Promise<void> {
    if (n % 5 === 0) return usage.release({ tenantId: "acme", ...change, id });
    const over = n % 2 === 0 ? "cap" : "reject";
    const input = { tenantId: "acme", ...change, id, units: units + (n % 7) - 3, over } as const;
    // Sent twice, as by a client that got no reply to the first.
    const [commit] = await Promise.all([usage.commit(input), usage.commit(input)]);
    admitted += commit.recorded;
    reached.push(...commit.reached);
  }

  async function use(): Promise<void> {
    const { admitted: isAdmitted, changes } = await usage.consume({ tenantId: "acme", changes: [change] });
    if (isAdmitted) admitted++;
    reached.push(...(changes[0]?.reached ?? []));
  }

  await Promise.all(Array.from({ length: asks }, (_, n) => (what === "use" ? use() : reserve(n))));
  return { admitted, reached };
});
