import { createPlanResolver, definePlans, hard } from "@scale/core";
import { seededRandom } from "@scale/testkit";
import { Redis } from "ioredis";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { ledgerPool } from "../../scenarios/ledger-pool.js";
import { usage } from "../options.js";
import { createQuota } from "../quota.js";
import { memoryUsage } from "./memory-store.js";
import { postgresLedger } from "./ledger/postgres.js";
import { redisUsage } from "./redis/store.js";
import type { UsageStore } from "./store.js";

const SEED = 20_261_130;
const LIMIT = 100;
const plans = createPlanResolver({
  plans: definePlans({ free: { quota: { tokens: hard(LIMIT) } } }),
  lookup: () => "free",
});
const quotaOn = (store: UsageStore) =>
  createQuota({ metrics: { tokens: usage({ per: "forever" }) }, plans, usage: store });
type Quota = ReturnType<typeof quotaOn>;

/** The work of the documentation: the commit is returned, and not awaited, before the end of the scope. */
async function work(quota: Quota, tenantId: string, units: number) {
  await using hold = await quota.reserve(tenantId, { tokens: 80 });
  return hold.commit({ tokens: units });
}

/** Work in one process, while another process takes what it can get. Returns what went wrong. */
async function race(
  [first, second]: readonly [Quota, Quota],
  { tenantId, random }: { readonly tenantId: string; readonly random: () => number },
): Promise<unknown> {
  const done = new AbortController();
  const taking = (async () => {
    let taken = 0;
    while (!done.signal.aborted) {
      const { admitted } = await second.tryConsume(tenantId, { tokens: 1 + Math.floor(random() * 40) });
      if (admitted) taken++;
      await new Promise((resolve) => setTimeout(resolve, random() * 2));
    }
    return taken;
  })();
  const worked = await work(first, tenantId, 70).catch((error: unknown) => error);
  done.abort();
  await taking;
  const { used, held } = await first.check(tenantId, "tokens");
  // The room was taken before the work began.
  if (worked instanceof Error) return held === 0 && used <= LIMIT ? undefined : { worked, used, held };
  const { late } = (worked as Awaited<ReturnType<typeof work>>).tokens;
  return late || used > LIMIT || held !== 0 ? { late, used, held } : undefined;
}

/** Delays every call by a random time, before and after: no order of two calls is given. */
function slow(store: UsageStore, random: () => number): UsageStore {
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, random() * 4));
  const slowed = { ...store };
  for (const name of ["reserve", "commit", "release"] as const) {
    const call = store[name] as (input: never) => Promise<never>;
    slowed[name] = async (input: never): Promise<never> => {
      await pause();
      const answer = await call(input);
      await pause();
      return answer;
    };
  }
  return slowed;
}

describe("a reservation whose commit is under way at the end of its scope", () => {
  it(`is committed and not released, with calls of random lengths (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const store = memoryUsage();
    const quotas = [quotaOn(slow(store, random)), quotaOn(store)] as const;
    const rounds = Array.from({ length: 100 }, (_, i) => race(quotas, { tenantId: `t${i}`, random }));
    expect((await Promise.all(rounds)).filter((wrong) => wrong !== undefined)).toEqual([]);
  });

  const url = inject("redisUrl");
  const postgres = inject("postgresUrl");
  for (const withLedger of [false, true]) {
    it.skipIf(url === "" || postgres === "")(
      `is committed and not released on Redis, ${withLedger ? "with" : "without"} a ledger (seed ${SEED})`,
      async () => {
        const random = seededRandom(SEED);
        const { pool } = await ledgerPool(postgres, `usage_order_${withLedger}`);
        const clients = [new Redis(url), new Redis(url)];
        const ledger = withLedger ? { ledger: postgresLedger({ db: pool }) } : {};
        const prefix = `order:${process.pid}:${withLedger}`;
        const stores = clients.map((redis) => redisUsage({ redis, prefix, timeoutMs: 5000, ...ledger }));
        onTestFinished(async () => {
          await Promise.all(stores.map((store) => store.close()));
          for (const client of clients) client.disconnect();
          await pool.end();
        });
        const [first = memoryUsage(), second = memoryUsage()] = stores;
        const quotas = [quotaOn(first), quotaOn(second)] as const;
        const rounds = Array.from({ length: 40 }, (_, i) => race(quotas, { tenantId: `t${i}`, random }));
        expect((await Promise.all(rounds)).filter((wrong) => wrong !== undefined)).toEqual([]);
      },
    );
  }

  it("releases what a rejected commit left, and waits for commits in an explicit release too", async () => {
    const store = slow(memoryUsage(), seededRandom(SEED));
    const quota = quotaOn(store);
    const hold = await quota.reserve("acme", { tokens: 50 });
    const committing = hold.commit({ tokens: 30 });
    await hold.release();
    expect(await committing).toMatchObject({ tokens: { recorded: 30, late: false, used: 30 } });
    const second = await quota.reserve("acme", { tokens: 50 });
    const rejected = second.commit({ tokens: 90 }, { over: "reject" });
    await second[Symbol.asyncDispose]();
    expect(await rejected).toMatchObject({ tokens: { committed: false } });
    expect(await quota.check("acme", "tokens")).toMatchObject({ used: 30, held: 0 });
  });
});
