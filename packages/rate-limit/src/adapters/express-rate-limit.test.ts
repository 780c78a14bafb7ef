import { tenancy } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { listen } from "@scale/http/testing";
import express from "express";
import { rateLimit } from "express-rate-limit";
import { Redis } from "ioredis";
import { afterAll, afterEach, describe, expect, inject, it } from "vitest";
import { remoteStore } from "../../test/store-with.js";
import { rateLimitStore } from "./express-rate-limit.js";
import { memoryStore } from "../memory/store.js";
import { redisStore } from "../redis/index.js";
import type { RateLimitStore } from "../types.js";

const url = inject("redisUrl");
const redis = url === undefined ? undefined : new Redis(url, { maxRetriesPerRequest: 0 });
afterAll(() => redis?.disconnect());

let next = 0;
type CreateStore = (clock: ManualClock) => RateLimitStore;
const stores: [string, CreateStore][] = [["memory", (clock) => memoryStore({ clock })]];
if (redis !== undefined) {
  const prefix = () => `test:express-rate-limit:${process.pid}:${next++}`;
  stores.push(["Redis", (clock) => redisStore({ redis, clock, prefix: prefix(), timeoutMs: 2000 })]);
}

describe.each(stores)("rateLimitStore on %s", (kind, createStore) => {
  // A whole minute after which a window of one minute begins.
  const start = () => createManualClock(1_700_000_040_000);
  const createIn = (store: RateLimitStore, clock: ManualClock, name = "web") => {
    const hits = rateLimitStore({ store, name, clock });
    hits.init({ windowMs: 60_000 });
    return hits;
  };

  it("counts hits of a window, and reports its end", async () => {
    const clock = start();
    const hits = createIn(createStore(clock), clock);
    expect(await hits.get("192.0.2.1")).toBeUndefined();
    clock.advance(15_000);
    expect(await hits.increment("192.0.2.1")).toEqual({ totalHits: 1, resetTime: new Date(1_700_000_100_000) });
    expect((await hits.increment("192.0.2.1")).totalHits).toBe(2);
    expect((await hits.increment("192.0.2.2")).totalHits).toBe(1);
    expect(await hits.get("192.0.2.1")).toEqual({ totalHits: 2, resetTime: new Date(1_700_000_100_000) });
    clock.advance(45_000);
    expect((await hits.increment("192.0.2.1")).totalHits).toBe(1);
  });

  it("decrements a count, never below 0, and resets a client", async () => {
    const clock = start();
    const hits = createIn(createStore(clock), clock);
    await hits.decrement("a");
    for (let i = 0; i < 3; i++) await hits.increment("a");
    await hits.decrement("a");
    expect((await hits.get("a"))?.totalHits).toBe(2);
    await hits.resetKey("a");
    expect(await hits.get("a")).toBeUndefined();
  });

  it("tells a client with 0 hits from one that never came, however often hits are taken back", async () => {
    const clock = start();
    const hits = createIn(createStore(clock), clock);
    for (let i = 0; i < (kind === "memory" ? 2000 : 20); i++) {
      await hits.increment("a");
      await hits.decrement("a");
    }
    await hits.decrement("a");
    expect(await hits.get("a")).toEqual({ totalHits: 0, resetTime: new Date(1_700_000_100_000) });
    expect(await hits.get("b")).toBeUndefined();
    expect((await hits.increment("a")).totalHits).toBe(1);
    clock.advance(60_000);
    expect(await hits.get("a")).toBeUndefined();
  });

  it("resets a client before init, as a script does", async () => {
    const clock = start();
    const store = createStore(clock);
    const hits = createIn(store, clock);
    const script = rateLimitStore({ store, name: "web", clock });
    await hits.increment("a");
    await script.resetKey("a");
    expect(await hits.get("a")).toBeUndefined();
    await hits.resetAll();
    await hits.increment("a");
    await script.resetKey("a");
    expect(await hits.get("a")).toBeUndefined();
  });

  it("counts by the library's default window before init", async () => {
    const clock = start();
    const hits = rateLimitStore({ store: createStore(clock), name: "web", clock });
    expect(await hits.increment("a")).toEqual({ totalHits: 1, resetTime: new Date(1_700_000_100_000) });
    await hits.resetKey("a");
    expect(await hits.get("a")).toBeUndefined();
  });

  it("resets all clients, in other processes within a second", async () => {
    const clock = start();
    const store = createStore(clock);
    const [hits, other, login] = [createIn(store, clock), createIn(store, clock), createIn(store, clock, "login")];
    for (const key of ["a", "b"]) for (const each of [hits, other, login]) await each.increment(key);
    await hits.resetAll();
    expect(await hits.get("a")).toBeUndefined();
    expect((await hits.increment("b")).totalHits).toBe(1);
    clock.advance(1000);
    await other.get("a");
    await expect.poll(async () => (await other.get("b"))?.totalHits).toBe(1);
    expect(await other.get("a")).toBeUndefined();
    expect((await login.get("a"))?.totalHits).toBe(1);
    await other.resetAll();
    expect(await other.get("b")).toBeUndefined();
  });

  it("starts every window with empty counts, whether or not all were reset in the last", async () => {
    const clock = start();
    const store = createStore(clock);
    const [hits, other] = [createIn(store, clock), createIn(store, clock)];
    await hits.increment("a");
    await hits.resetAll();
    await hits.increment("a");
    clock.advance(60_000);
    expect((await hits.increment("a")).totalHits).toBe(1);
    expect((await other.increment("a")).totalHits).toBe(2);
    expect((await createIn(store, clock).get("a"))?.totalHits).toBe(2);
  });

  it("keeps counts when it is shut down, because other processes go on", async () => {
    const clock = start();
    const store = createStore(clock);
    const hits = createIn(store, clock);
    await hits.increment("a");
    hits.shutdown();
    expect((await createIn(store, clock).get("a"))?.totalHits).toBe(1);
  });

  it("shares counts with other processes on the same store, by name", async () => {
    const clock = start();
    const store = createStore(clock);
    await createIn(store, clock).increment("a");
    expect((await createIn(store, clock).increment("a")).totalHits).toBe(2);
    expect((await createIn(store, clock, "login").increment("a")).totalHits).toBe(1);
  });
});

describe("rateLimitStore in express-rate-limit", () => {
  let close = async (): Promise<void> => undefined;
  afterEach(() => close());

  const serve = async (options: Parameters<typeof rateLimit>[0], failing = false) => {
    const problems: unknown[] = [];
    const logger = { error: (error: unknown) => problems.push(error), warn: (error: unknown) => problems.push(error) };
    const app = express();
    const limited = rateLimit({ windowMs: 60_000, limit: 2, standardHeaders: "draft-7", logger, ...options });
    app.use(limited, (_request, response) => void response.sendStatus(failing ? 500 : 200));
    const server = await listen(app);
    close = server.close;
    const get = async () => {
      const response = await fetch(server.url);
      return [response.status, /remaining=(\d+)/.exec(response.headers.get("ratelimit") ?? "")?.[1]];
    };
    return { get, problems, limited };
  };

  it("is accepted as a store without a validation error", async () => {
    const { get, problems, limited } = await serve({
      store: rateLimitStore({ store: memoryStore({ clock: createManualClock() }), name: "web" }),
    });
    expect([await get(), await get(), await get()]).toEqual([
      [200, "1"],
      [200, "0"],
      [429, "0"],
    ]);
    expect((await limited.getKey("127.0.0.1"))?.totalHits).toBe(3);
    limited.resetKey("127.0.0.1");
    expect(await get()).toEqual([200, "1"]);
    expect(problems).toEqual([]);
  });

  it("does not count failed requests with skipFailedRequests", async () => {
    const store = rateLimitStore({ store: memoryStore({ clock: createManualClock() }), name: "web" });
    const { get } = await serve({ store, skipFailedRequests: true }, true);
    for (let i = 0; i < 4; i++) expect(await get()).toEqual([500, "1"]);
  });

  it("rejects when the store cannot answer, and passOnStoreError decides", async () => {
    const fails = () => Promise.reject(new Error("ECONNRESET"));
    const down: RateLimitStore = { consume: fails, refund: fails, reset: fails, release: fails };
    const store = rateLimitStore({ store: down, name: "web" });
    expect((await (await serve({ store })).get())[0]).toBe(500);
    await close();
    const passing = rateLimitStore({ store: down, name: "web" });
    expect((await (await serve({ store: passing, passOnStoreError: true })).get())[0]).toBe(200);
  });
});

describe("rateLimitStore: the number of resets", () => {
  it("is read at most once a second, outside of any request's context, and a failure changes nothing", async () => {
    const clock = createManualClock(1_700_000_040_000);
    const { store, asked } = remoteStore({ clock });
    const hits = rateLimitStore({ store, name: "web", clock });
    hits.init({ windowMs: 60_000 });
    const tenants: unknown[] = [];
    const consume = store.consume;
    store.consume = async (request) => {
      if (request.cost === 0) tenants.push(tenancy.current());
      if (request.cost === 0 && clock.monotonic() > 0) throw new Error("ECONNRESET");
      return consume(request);
    };
    await tenancy.run({ tenantId: "acme" }, async () => {
      for (let i = 0; i < 20; i++) await hits.increment("a");
      clock.advance(1000);
      expect((await hits.increment("a")).totalHits).toBe(21);
    });
    expect(tenants).toEqual([undefined, undefined]);
    expect(asked.length).toBe(22);
  });
});

describe("rateLimitStore: wrong options", () => {
  it("names the mistake", async () => {
    expect(() => rateLimitStore({ store: {} as RateLimitStore, name: "web" })).toThrow(
      "rateLimitStore: store: expected a store with a consume method, got {}",
    );
    expect(() => rateLimitStore({ store: memoryStore(), name: "a b" })).toThrow("rateLimitStore: name: expected");
    const hits = rateLimitStore({ store: memoryStore(), name: "web" });
    expect(() => hits.init({ windowMs: 0 })).toThrow("window: expected 1 ms to 400 days, got 0 ms");
    // The library logs the error of init, and goes on.
    await expect(hits.increment("a")).rejects.toMatchObject({ code: "SCALE_CONFIG" });
    await expect(hits.resetAll()).rejects.toMatchObject({ code: "SCALE_CONFIG" });
    await hits.resetKey("a");
  });

  it("rejects at its deadline when the store does not answer", async () => {
    const never = () => new Promise<never>(() => undefined);
    const stuck: RateLimitStore = { consume: never, refund: never, reset: never, release: never };
    const hits = rateLimitStore({ store: stuck, name: "web", timeoutMs: 5 });
    hits.init({ windowMs: 1000 });
    await expect(hits.increment("a")).rejects.toMatchObject({ code: "SCALE_STORE" });
  });
});
