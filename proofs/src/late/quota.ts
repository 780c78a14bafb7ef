import { createPlanResolver, definePlans, hard } from "@scale/core";
import { createQuota, type Reservation, usage } from "@scale/quota";
import { postgresLedger, redisUsage } from "@scale/quota/redis";
import { ledgerPool } from "@scale/quota/scenarios";
import type { Redis } from "ioredis";
import { CALLS, type LateCall, TIMEOUT_MS, untilDone } from "./freezes.js";
import { timed } from "./rate-limit.js";

const UNITS = 10;
const LIMIT = 10_000;
const metrics = { tokens: usage({ per: "forever" }) };
const plans = createPlanResolver({
  plans: definePlans({ one: { quota: { tokens: hard(LIMIT) } } }),
  lookup: () => "one",
  timeoutMs: 5000,
});

/** Every call of a usage quota that asks Redis. */
export function quotaCalls(redis: Redis): LateCall[] {
  const quotaOn = (timeoutMs: number) =>
    createQuota({ metrics, plans, usage: redisUsage({ redis, timeoutMs, prefix: "late:quota" }) });
  // One for each kind of call: a call that met its deadline keeps the later ones of its store from being sent.
  const quota = (): Quota => quotaOn(TIMEOUT_MS);
  const observer = quotaOn(5000);
  const count: CountOf = async (tenantId) => (await observer.status(tenantId)).metrics.tokens;
  return [
    reservations(quota(), count),
    commits(quota(), count),
    releases(quota(), count),
    disposals(quota(), count),
    consumptions(quota(), count),
    repeatedConsumptions(quota(), count),
  ];
}

type Quota = ReturnType<typeof createQuota<typeof metrics, never>>;
type CountOf = (tenantId: string) => Promise<{ readonly used: number; readonly held: number }>;

/** @returns the units by which a count differs */
const difference = ({ used, held }: { readonly used: number; readonly held: number }, expected: number): number =>
  Math.abs(used - expected) + held;

function reservations(quota: Quota, count: CountOf): LateCall {
  return {
    name: "quota reserve",
    async prepare(round) {
      const tenantId = `reserve-${round}`;
      await count(tenantId);
      return {
        async call() {
          await using hold = await quota.reserve(tenantId, { tokens: UNITS });
          void hold;
        },
        wrong: async () => difference(await count(tenantId), 0),
      };
    },
  };
}

const reserveAll = (quota: Quota, tenantId: string): Promise<Reservation<"tokens">[]> =>
  Promise.all(Array.from({ length: CALLS }, () => untilDone(() => quota.reserve(tenantId, { tokens: UNITS }))));

function commits(quota: Quota, count: CountOf): LateCall {
  return {
    name: "quota commit, repeated until it is done",
    async prepare(round) {
      const tenantId = `commit-${round}`;
      const holds = await reserveAll(quota, tenantId);
      return {
        call: (i) => timed(() => untilDone(async () => holds[i]?.commit())),
        wrong: async () => difference(await count(tenantId), CALLS * UNITS),
      };
    },
  };
}

function releases(quota: Quota, count: CountOf): LateCall {
  return {
    name: "quota release",
    async prepare(round) {
      const tenantId = `release-${round}`;
      const holds = await reserveAll(quota, tenantId);
      return {
        call: (i) => timed(async () => holds[i]?.release()),
        wrong: async () => difference(await count(tenantId), 0),
      };
    },
  };
}

/** The page's own example: an async function returns the promise of the commit, and disposes at once. */
function disposals(quota: Quota, count: CountOf): LateCall {
  return {
    name: "quota commit, disposed while it is under way",
    async prepare(round) {
      const tenantId = `dispose-${round}`;
      const holds = await reserveAll(quota, tenantId);
      let recorded = 0;
      return {
        call: (i) =>
          timed(async () => {
            await using hold = holds[i] as Reservation<"tokens">;
            const { tokens } = await hold.commit();
            recorded += tokens.recorded;
          }),
        async wrong() {
          const { used, held } = await count(tenantId);
          // A commit that was refused in time may have been carried out: its caller has to repeat it.
          return held + Math.max(0, recorded - used, used - CALLS * UNITS);
        },
      };
    },
  };
}

function consumptions(quota: Quota, count: CountOf): LateCall {
  return {
    name: "quota consume",
    async prepare(round) {
      const tenantId = `consume-${round}`;
      await count(tenantId);
      let told = 0;
      return {
        async call() {
          await quota.consume(tenantId, { tokens: UNITS });
          told += UNITS;
        },
        wrong: async () => difference(await count(tenantId), told),
      };
    },
  };
}

function repeatedConsumptions(quota: Quota, count: CountOf): LateCall {
  return {
    name: "quota consume with an id, repeated until it is done",
    async prepare(round) {
      const tenantId = `repeat-${round}`;
      await count(tenantId);
      return {
        call: (i) => timed(() => untilDone(() => quota.consume(tenantId, { tokens: UNITS }, { id: `${round}-${i}` }))),
        wrong: async () => difference(await count(tenantId), CALLS * UNITS),
      };
    },
  };
}

/** Time between two flushes to the ledger. Some are under way at each freeze. */
const FLUSH_EVERY_MS = 20;

/** Usage that is flushed to a ledger in Postgres. */
export interface LateLedger {
  readonly calls: readonly LateCall[];
  close(): Promise<void>;
}

export async function lateLedger(redis: Redis, postgresUrl: string): Promise<LateLedger> {
  const { pool: db, written } = await ledgerPool(postgresUrl, "late");
  const ledger = postgresLedger({ db, timeoutMs: TIMEOUT_MS });
  const store = redisUsage({ redis, ledger, timeoutMs: 5000, flushEveryMs: FLUSH_EVERY_MS, prefix: "late:ledger" });
  const quota = createQuota({ metrics, plans, usage: store });
  return {
    calls: [
      {
        name: "quota flush to the ledger",
        async prepare(round) {
          const tenantId = `ledger-${round}`;
          await untilDone(() => quota.consume(tenantId, { tokens: UNITS }));
          return {
            call: () =>
              timed(async () => {
                await quota.consume(tenantId, { tokens: UNITS });
                await store.flush();
              }),
            async wrong() {
              await untilDone(() => store.flush());
              const { used } = (await quota.status(tenantId)).metrics.tokens;
              return Math.abs(used - (CALLS + 1) * UNITS) + Math.abs((await written(tenantId)) - used);
            },
          };
        },
      },
    ],
    async close() {
      await store.close();
      await db.end();
    },
  };
}
