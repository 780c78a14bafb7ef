import { tenancy } from "@scale/core";
import { Redis } from "ioredis";
import { afterAll, afterEach, describe, expect, inject, it } from "vitest";
import { acme, setUpWaits } from "../../test/wait-stage.js";
import { requestDecide, waitRefuse } from "../events.js";
import { createRateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";
import { redisStore } from "../redis/index.js";
import type { RateLimitStore } from "../types.js";
import { createWaitQueue } from "./wait-queue.js";

describe("the async context of a wait", () => {
  it("decides and refuses each request in the context of its own caller", async () => {
    const { timers, queue } = setUpWaits({ queueLimit: 3 });
    const seen: unknown[] = [];
    const current = () => tenancy.current()?.userId;
    const stops = [
      requestDecide.subscribe(({ decision }) => seen.push([current(), decision.allowed])),
      waitRefuse.subscribe(({ reason }) => seen.push([current(), reason])),
    ];
    const as = (userId: string, maxWaitMs = 5000) =>
      tenancy.run({ tenantId: "acme", userId }, () => queue.wait(acme, { maxWaitMs }));
    const all = [as("ann"), as("bob"), as("cid"), as("dan")];
    await timers.settle();
    all.push(as("eve"));
    await timers.advance(300);
    await Promise.all(all);
    for (const stop of stops) stop();
    const users = new Set(seen.map((entry) => (entry as string[])[0]));
    expect(users).toEqual(new Set(["ann", "bob", "cid", "dan", "eve"]));
    expect(seen.filter((entry) => (entry as unknown[])[1] === true)).toEqual(
      ["ann", "bob", "cid", "dan"].map((name) => [name, true]),
    );
    expect(seen).toContainEqual(["eve", "queue-full"]);
  });
});

describe("a wait queue with its own timers", () => {
  const url = inject("redisUrl");
  const redis = url === undefined ? undefined : new Redis(url, { maxRetriesPerRequest: 0 });
  afterAll(() => redis?.disconnect());
  const open: { close(): void }[] = [];
  afterEach(() => {
    for (const queue of open.splice(0)) queue.close();
  });
  const stores: [string, () => RateLimitStore][] = [["memory", () => memoryStore()]];
  if (redis !== undefined) {
    stores.push(["Redis", () => redisStore({ redis, prefix: `test:wait:${process.pid}`, timeoutMs: 2000 })]);
  }

  it.each(stores)("admits as many as the rule allows, in order, on %s", async (_, createStore) => {
    const rules = { tenant: { limit: 100, window: "1s", burst: 1 } } as const;
    const limiter = createRateLimiter({ rules, store: createStore(), name: "pace", timeoutMs: 2000 });
    const queue = createWaitQueue(limiter, { maxWaitMs: 20_000 });
    open.push(queue);
    const passed: number[] = [];
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: 11 }, async (_unused, i) => {
        expect((await queue.wait(acme)).allowed).toBe(true);
        passed.push(i);
      }),
    );
    // Ten units leak in 100 ms. Timers may only be late.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(98);
    expect(passed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("decides a request that belongs to no tenant in no tenant's context", async () => {
    const limiter = createRateLimiter({ rules: { tenant: { limit: 100, window: "1s", burst: 1 } } });
    const queue = createWaitQueue(limiter);
    open.push(queue);
    const tenants: unknown[] = [];
    const stop = requestDecide.subscribe(() => tenants.push(tenancy.current()?.tenantId));
    await tenancy.run({ tenantId: "acme" }, () => Promise.all([queue.wait(acme), queue.wait(acme)]));
    const globex = tenancy.run({ tenantId: "globex" }, () => queue.wait(acme));
    const [second] = await Promise.all([queue.wait(acme), globex]);
    stop();
    expect(second?.allowed).toBe(true);
    expect(new Set(tenants)).toEqual(new Set(["acme", undefined, "globex"]));
  });
});
