import { tenancy } from "@scale/core";
import { contextLeaks, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { ledgerFail } from "../../events.js";
import type { Period } from "../../types.js";
import { redisUsage } from "./store.js";

const url = inject("redisUrl");
const period: Period = { key: "month-1", startsAt: 0, endsAt: 4_000_000_000_000 };
const changes = [{ metric: "tokens", period, limit: 100, max: 100, units: 1 }];

describe.skipIf(!url)("the flusher of a store that a request has created", () => {
  it("runs in the context of no tenant", async () => {
    const redis = new Redis(url, { maxRetriesPerRequest: 0 });
    let failures = 0;
    const stop = ledgerFail.subscribe(() => failures++);
    const store = tenancy.run({ tenantId: "first" }, () =>
      redisUsage({
        ...{ redis, prefix: `shared:${process.pid}`, timeoutMs: 2000, flushEveryMs: 10 },
        ledger: {
          read: async (addresses) => addresses.map(() => []),
          write: () => Promise.reject(new Error("down")),
        },
      }),
    );
    const consume = (tenantId: string) => store.consume({ tenantId, changes });
    const leaks = contextLeaks({
      tenancy,
      events: [ledgerFail.name],
      first: () => consume("first"),
      async second() {
        await consume("second");
        await waitUntil(() => failures > 1, { what: "rounds that fail" });
      },
    });
    expect(await leaks).toEqual([]);
    stop();
    await store.close().catch(() => undefined);
    redis.disconnect();
  });
});

describe("the repetitions of calls without an answer", () => {
  it("run in the context of no tenant", async () => {
    const calls: Record<string, number> = {};
    const looks = new Map<string, (what: string) => void>();
    const down = (_script: string, _count: number, key: unknown): Promise<never> => {
      const [, tenantId = ""] = /\{(.*?)\}/.exec(String(key)) ?? [];
      calls[tenantId] = (calls[tenantId] ?? 0) + 1;
      if (calls[tenantId] > 1) looks.get(tenantId)?.("the repetition");
      return Promise.reject(new Error("down"));
    };
    const store = redisUsage({ redis: { status: "ready", isCluster: false, evalsha: down, eval: down } });
    const consume = async (tenantId: string, look: (what: string) => void): Promise<void> => {
      looks.set(tenantId, look);
      await expect(store.consume({ tenantId, changes })).rejects.toMatchObject({ code: "SCALE_STORE" });
      await waitUntil(() => (calls[tenantId] ?? 0) > 2, { what: "repetitions" });
    };
    const leaks = contextLeaks({
      tenancy,
      first: (look) => consume("first", look),
      second: (look) => consume("second", look),
    });
    expect(await leaks).toEqual([]);
    await store.close();
  });
});
