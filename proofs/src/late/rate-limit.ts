import { setTimeout as sleep } from "node:timers/promises";
import type { RateLimitRulesInput, StoreFailurePolicy } from "@scale/core";
import { createRateLimiter, type Decision, type RateLimiter, type Slot } from "@scale/rate-limit";
import { redisStore } from "@scale/rate-limit/redis";
import type { Redis } from "ioredis";
import { CALLS, type LateCall, TIMEOUT_MS, untilDone } from "./freezes.js";

const POLICIES: readonly StoreFailurePolicy[] = ["allow", "deny", "local", "throw"];
const ALGORITHMS = ["gcra", "sliding-window", "strict-window", "fixed-window"] as const;
const SLOTS = 4;
const COST = 10;
const LIMIT = 10_000;
/** So long that nothing is given back by time during the proof. */
const window = "400d";

/** Every call of a limiter that asks Redis. */
export function rateLimitCalls(redis: Redis): LateCall[] {
  const parts = { redis };
  return [
    ...POLICIES.map((policy) => acquires(parts, policy)),
    ...POLICIES.map((policy) => checks(parts, policy)),
    releases(parts),
    refunds(parts),
    leases(parts),
  ];
}

/** Its preparation ends when the slots are renewed: it has to be the last. */
export const renewalCalls = (redis: Redis): LateCall[] => [renewals({ redis })];

interface Parts {
  readonly redis: Redis;
}

/** A limiter, and another one over the same counts that sees only what is in Redis. */
function limiters(
  { redis }: Parts,
  name: string,
  { rules, policy = "throw" }: { readonly rules: RateLimitRulesInput; readonly policy?: StoreFailurePolicy },
): { readonly limiter: RateLimiter; remaining(tenantId: string): Promise<number> } {
  const on = (whenStoreFails: StoreFailurePolicy, timeoutMs: number): RateLimiter =>
    createRateLimiter({
      ...{ name: `late-${name}`, rules, whenStoreFails, instances: 1, denialCacheMs: 0 },
      store: redisStore({ redis, timeoutMs }),
    });
  const observer = on("throw", 5000);
  return {
    limiter: on(policy, TIMEOUT_MS),
    remaining: async (tenantId) => (await observer.peek({ tenantId })).limits[0]?.remaining ?? Number.NaN,
  };
}

const slots = (ttl: "60s" | "3s"): RateLimitRulesInput => ({
  slots: { algorithm: "concurrency", by: "tenant", limit: SLOTS, ttl },
});

function acquires(parts: Parts, policy: StoreFailurePolicy): LateCall {
  const { limiter, remaining } = limiters(parts, `acquire-${policy}`, { rules: slots("60s"), policy });
  return {
    name: `rate-limit acquire (${policy})`,
    async prepare(round) {
      const tenantId = `t${round}`;
      await remaining(tenantId);
      return {
        async call() {
          await using slot = await limiter.acquire({ tenantId });
          expectFromStore(slot.decision);
        },
        wrong: async () => SLOTS - (await remaining(tenantId)),
      };
    },
  };
}

/** Each call asks a limiter of each algorithm: the store has scripts of their own for some. */
function checks(parts: Parts, policy: StoreFailurePolicy): LateCall {
  const all = ALGORITHMS.map((algorithm) => {
    const rules: RateLimitRulesInput = { units: { algorithm, by: "tenant", limit: LIMIT, window } };
    return limiters(parts, `check-${algorithm}-${policy}`, { rules, policy });
  });
  return {
    name: `rate-limit check (${policy})`,
    async prepare(round) {
      const tenantId = `t${round}`;
      const told = await Promise.all(all.map(({ limiter }) => checksOf(limiter, tenantId)));
      return {
        call: () => Promise.all(told.map(({ check }) => check())),
        async wrong() {
          const wrong = told.map(async ({ counted, uncounted }, i) => {
            const used = LIMIT - ((await all[i]?.remaining(tenantId)) ?? Number.NaN);
            // A request that a policy has admitted may count once or not at all.
            return Math.max(0, counted() - used, used - counted() - uncounted());
          });
          return (await Promise.all(wrong)).reduce((sum, n) => sum + n, 0);
        },
      };
    },
  };
}

/** The units of a tenant's checks: those that the store has counted, and those that a policy has admitted. */
async function checksOf(limiter: RateLimiter, tenantId: string) {
  let counted = 0;
  let uncounted = 0;
  await untilDone(async () => expectFromStore(await limiter.peek({ tenantId })));
  return {
    counted: () => counted,
    uncounted: () => uncounted,
    async check() {
      const decision = await limiter.check({ tenantId }, { cost: COST });
      if (decision.decidedBy === "store") counted += COST;
      else if (decision.allowed) uncounted += COST;
      expectFromStore(decision);
    },
  };
}

/** Holds all slots of a tenant. */
const holdAll = (limiter: RateLimiter, tenantId: string): Promise<Slot[]> =>
  Promise.all(Array.from({ length: SLOTS }, () => untilDone(() => limiter.acquire({ tenantId }))));

function releases(parts: Parts): LateCall {
  const { limiter, remaining } = limiters(parts, "release", { rules: slots("60s") });
  return {
    name: "rate-limit release",
    async prepare(round) {
      const tenantId = `t${round}`;
      const held = await holdAll(limiter, tenantId);
      return {
        call: (i) => timed(async () => held[i]?.release()),
        wrong: async () => SLOTS - (await remaining(tenantId)),
      };
    },
  };
}

/** Freezes when the slots are renewed, and releases them meanwhile: a late renewal must not take them again. */
function renewals(parts: Parts): LateCall {
  const { limiter, remaining } = limiters(parts, "renew", { rules: slots("3s") });
  return {
    name: "rate-limit renewal of a slot that is released",
    async prepare(round) {
      const tenantId = `t${round}`;
      const held = await holdAll(limiter, tenantId);
      // A third of the ttl after which they are renewed, but for the time in which the calls begin.
      await sleep(990);
      return {
        async call(i) {
          await sleep(10);
          await timed(async () => held[i]?.release());
        },
        wrong: async () => SLOTS - (await remaining(tenantId)),
      };
    },
  };
}

function refunds(parts: Parts): LateCall {
  const rules: RateLimitRulesInput = { units: { algorithm: "fixed-window", by: "tenant", limit: LIMIT, window } };
  const { limiter, remaining } = limiters(parts, "refund", { rules });
  return {
    name: "rate-limit refund, repeated until it is done",
    async prepare(round) {
      const tenantId = `t${round}`;
      const decisions = await Promise.all(
        Array.from({ length: 2 * CALLS }, () => untilDone(() => limiter.check({ tenantId }, { cost: COST }))),
      );
      return {
        call: (i) => timed(() => untilDone(() => limiter.refund(decisions[i] as Decision))),
        wrong: async () => Math.abs(LIMIT - CALLS * COST - (await remaining(tenantId))),
      };
    },
  };
}

/** Units that were leased in advance by a call that was refused. Those of a lease that this process holds are its own. */
function leases(parts: Parts): LateCall {
  const rules: RateLimitRulesInput = { units: { by: "tenant", limit: LIMIT, window: "1h", lease: "30s" } };
  const { limiter, remaining } = limiters(parts, "lease", { rules, policy: "deny" });
  return {
    name: "rate-limit lease of units",
    async prepare(round) {
      const tenantOf = (i: number): string => `t${round}-${i}`;
      const refused: number[] = [];
      return {
        async call(i) {
          const decision = await limiter.check({ tenantId: tenantOf(i) });
          if (decision.decidedBy === "policy") refused.push(i);
          expectFromStore(decision);
        },
        async wrong() {
          let lost = 0;
          for (const i of refused) lost += LIMIT - (await remaining(tenantOf(i)));
          return lost;
        },
      };
    },
  };
}

/** @throws for a decision that came from a policy: the freeze has overtaken the call */
function expectFromStore({ decidedBy }: Decision): void {
  if (decidedBy === "policy" || decidedBy === "local") throw new Error(decidedBy);
}

/** @throws when the work took longer than the deadline: the freeze has overtaken it */
export async function timed(work: () => Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await work();
  if (performance.now() - startedAt >= TIMEOUT_MS) throw new Error("overtaken");
}
