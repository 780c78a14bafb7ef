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
