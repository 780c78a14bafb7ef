import { isScaleError } from "@scale/core";
import { waitUntil } from "@scale/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { type LossyUsage, PREFIX, startLossyUsage } from "../../../test/lossy-usage.js";
import { postgresLedger } from "../ledger/postgres.js";
import type { UsageLedger } from "../ledger/types.js";
import { ledgerFail } from "../../events.js";
import { redisUsage } from "./store.js";

const DAY = 86_400_000;

const available = inject("redisUrl") !== "" && inject("postgresUrl") !== "";

describe.skipIf(!available)("redisUsage with a ledger", () => {
  let at: LossyUsage;
  beforeAll(async () => {
    at = await startLossyUsage(inject("postgresUrl"), "usage_ledger");
  });
  afterEach(() => at.clean());
  afterAll(() => at.stop());

  it("starts again from the ledger when Redis has lost the period", async () => {
    at.freshTenant();
    const store = at.start();
    await at.use(store, 70);
    await store.flush();
    await at.redis.flushall();
    expect(await at.status(store)).toMatchObject({ used: 70, held: 0, exact: false });
    expect(await at.reserve(store, "a", 31)).toMatchObject({ admitted: false, used: 70 });
    expect(await at.use(store, 30)).toMatchObject({ admitted: true, used: 100 });
    expect(await at.status(store)).toMatchObject({ used: 100, exact: true });
    await store.flush();
    expect(await at.written()).toBe(100);
  });

  it("goes on when the server comes back empty", async () => {
    at.freshTenant();
    const store = at.start();
    await at.reserve(store, "a", 40);
    await at.use(store, 50);
    await store.flush();
    await at.server.restart();
    await waitUntil(async () => (await at.redis.ping()) === "PONG", { what: "Redis" });
    const late = await store.commit({ ...at.of100(40), id: "a", over: "cap" });
    expect(late).toMatchObject({ committed: true, recorded: 40, used: 90, late: true });
    expect(await at.use(store, 11)).toMatchObject({ admitted: false, used: 90 });
  });

  it("loads a count from the ledger once, also for concurrent calls of two stores", async () => {
    at.freshTenant();
    const before = at.start();
    await at.use(before, 10);
    await before.flush();
    await at.redis.flushall();
    let reads = 0;
    const counted: UsageLedger = {
      ...postgresLedger({ db: at.pool }),
      read: (addresses) => {
        reads++;
        return postgresLedger({ db: at.pool }).read(addresses);
      },
    };
    const stores = [at.start({ ledger: counted }), at.start({ ledger: counted })];
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => at.use(stores[i % 2]!, 1)));
    expect(Math.max(...answers.map((answer) => answer?.used ?? 0))).toBe(50);
    expect(reads).toBe(2);
  });

  it("does not count from 0 while the ledger cannot be read", async () => {
    at.freshTenant();
    let isDown = true;
    const real = postgresLedger({ db: at.pool });
    const read: UsageLedger["read"] = (addresses) =>
      isDown ? Promise.reject(new Error("down")) : real.read(addresses);
    const store = at.start({ ledger: { ...real, read } });
    await expect(at.use(store, 1)).rejects.toThrow("down");
    await expect(at.reserve(store, "a", 1)).rejects.toThrow("down");
    expect(await at.redis.exists(`${PREFIX}:{${at.tenantId}}:tokens:month-1:state`)).toBe(0);
    isDown = false;
    expect(await at.use(store, 1)).toMatchObject({ admitted: true, used: 1 });
  });

  it("rejects tenants that the ledger cannot keep apart from others", async () => {
    const store = at.start();
    const changes = [{ ...at.of100(1), max: 120 }];
    for (const tenantId of ["a\0b", "\ud800", "\udbff"]) {
      await expect(store.consume({ tenantId, changes })).rejects.toMatchObject({ code: "SCALE_TENANT" });
      await expect(store.read({ tenantId, metrics: changes })).rejects.toMatchObject({ code: "SCALE_TENANT" });
    }
    // Their failures do not stop other tenants.
    at.freshTenant();
    await at.use(store, 3);
    await store.flush();
    expect(await at.written()).toBe(3);
  });

  it("rejects in time when the ledger hangs", async () => {
    at.freshTenant();
    const store = at.start({
      ledger: postgresLedger({ db: { query: () => new Promise(() => undefined) }, timeoutMs: 30 }),
    });
    const startedAt = performance.now();
    const error = await at.use(store, 1).catch((cause: unknown) => cause);
    expect(isScaleError(error, "SCALE_STORE")).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });

  it("writes each use once, though a write fails after it was applied, is repeated, and other processes write too", async () => {
    at.freshTenant();
    const real = postgresLedger({ db: at.pool });
    let failures = 2;
    const write: UsageLedger["write"] = async (states) => {
      const done = await real.write(states);
      if (failures-- > 0) throw new Error("the answer is lost");
      return done;
    };
    const [first, second] = [at.start({ ledger: { ...real, write } }), at.start()];
    await at.use(first, 10);
    await expect(first.flush()).rejects.toThrow("lost");
    await at.use(second, 5);
    await Promise.all([first.flush().catch(() => undefined), second.flush()]);
    await at.use(first, 1);
    await Promise.all([first.flush(), second.flush(), first.flush()]);
    expect(await at.written()).toBe(16);
    await at.redis.flushall();
    expect(await at.use(second, 1)).toMatchObject({ used: 17 });
  });

  it("flushes all earlier units, also when another flush is under way", async () => {
    at.freshTenant();
    const real = postgresLedger({ db: at.pool });
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const store = at.start({ ledger: { ...real, write: (states) => gate.then(() => real.write(states)) } });
    await at.use(store, 3);
    let isDone = false;
    const flushed = Promise.all([store.flush(), store.flush().then(() => (isDone = true))]);
    for (let i = 0; i < 10; i++) await at.redis.ping();
    expect(isDone).toBe(false);
    open();
    await flushed;
    expect(await at.written()).toBe(3);
  });

  it("does not write units that the ledger has", async () => {
    at.freshTenant();
    const real = postgresLedger({ db: at.pool });
    let writes = 0;
    const write: UsageLedger["write"] = (states) => (writes++, real.write(states));
    const store = at.start({ ledger: { ...real, write } });
    await at.use(store, 100);
    await store.flush();
    await at.use(store, 1);
    await store.flush();
    expect(writes).toBe(1);
  });

  it("flushes by itself, and once more when it is closed", async () => {
    at.freshTenant();
    const store = at.start({ flushEveryMs: 20 });
    await at.use(store, 3);
    await waitUntil(async () => (await at.written()) === 3, { what: "the ledger is written" });
    const slow = at.start();
    await at.use(slow, 4);
    await slow.close();
    expect(await at.written()).toBe(7);
  });

  it("publishes failed writes, and retries them", async () => {
    at.freshTenant();
    const real = postgresLedger({ db: at.pool });
    let failures = 3;
    const write: UsageLedger["write"] = (states) =>
      failures-- > 0 ? Promise.reject(new Error("down")) : real.write(states);
    const failed: number[] = [];
    const stop = ledgerFail.subscribe(({ counts }) => failed.push(counts));
    const store = at.start({ ledger: { ...real, write }, flushEveryMs: 10 });
    await at.use(store, 3);
    await waitUntil(async () => (await at.written()) === 3, { what: "the ledger is written" });
    stop();
    expect(failed).toEqual([1, 1, 1]);
  });

  it("writes units that other processes used during a write", async () => {
    at.freshTenant();
    const other = at.start();
    const real = postgresLedger({ db: at.pool });
    let during: (() => Promise<unknown>) | undefined;
    const write: UsageLedger["write"] = async (states) => {
      await during?.();
      during = undefined;
      return real.write(states);
    };
    const store = at.start({ ledger: { ...real, write } });
    await at.use(store, 1);
    during = () => at.use(other, 2);
    await store.flush();
    await store.flush();
    expect(await at.written()).toBe(3);
  });

  it("publishes no threshold twice because Redis has lost it", async () => {
    at.freshTenant();
    const store = at.start();
    expect(await at.use(store, 85)).toMatchObject({ reached: [0.8] });
    await store.flush();
    await at.redis.flushall();
    expect(await at.use(store, 1)).toMatchObject({ reached: [], used: 86 });
    expect(await at.use(store, 14)).toMatchObject({ reached: [1] });
  });

  it("takes over a count from before the ledger was configured", async () => {
    at.freshTenant();
    await at.use(redisUsage({ redis: at.redis, timeoutMs: 5000 }), 20);
    const store = at.start();
    expect(await at.status(store)).toMatchObject({ used: 20 });
    expect(await at.use(store, 1)).toMatchObject({ used: 21 });
    await store.flush();
    expect(await at.written()).toBe(21);
  });

  it("counts an id twice only when Redis has lost its state", async () => {
    at.freshTenant();
    const store = at.start();
    const commit = () => store.commit({ ...at.of100(10), id: "a", over: "cap" });
    await commit();
    expect(await commit()).toMatchObject({ repeated: true, used: 10 });
    await store.flush();
    await at.redis.flushall();
    expect(await commit()).toMatchObject({ repeated: false, late: true, used: 20 });
  });

  it("lets every key expire", async () => {
    at.freshTenant();
    const store = at.start();
    await at.reserve(store, "a", 10);
    await at.reserve(store, "b", 10);
    await at.reserve(store, "d", 10);
    await store.commit({ ...at.of100(10), id: "a", over: "cap" });
    await redisUsage({ redis: at.redis, timeoutMs: 5000 }).commit({
      ...at.of100(10),
      metric: "emails",
      id: "a",
      over: "cap",
    });
    await store.release({ ...at.of100(10), id: "b" });
    await store.commit({ ...at.of100(10), id: "c", over: "cap" });
    await at.use(store, 1);
    await store.cancel({ tenantId: at.tenantId, call: "c1", changes: [at.of100(1)] });
    await store.cancel({ tenantId: at.tenantId, id: "f", call: "c1", changes: [at.of100(1)] });
    await store.flush();
    const short = redisUsage({ redis: at.redis, timeoutMs: 5000, rememberMs: 5000 });
    await short.consume({ tenantId: at.tenantId, id: "e", changes: [{ ...at.of100(1), metric: "emails" }] });
    const forever = { key: "forever", startsAt: -Infinity, endsAt: Infinity };
    await store.consume({ tenantId: at.tenantId, changes: [{ ...at.of100(1), period: forever }] });
    const keys = await at.redis.keys("*");
    const expiries = await Promise.all(keys.map(async (key) => [key, await at.redis.pttl(key)] as const));
    expect(expiries.length).toBeGreaterThan(5);
    for (const [key, ttl] of expiries)
      expect({ key, expires: ttl > 0 && ttl <= 400 * DAY }).toEqual({ key, expires: true });
    const ttlOf = (part: string) => expiries.find(([key]) => key.includes(part))?.[1] ?? 0;
    expect(ttlOf("}:id:a")).toBeLessThanOrEqual(DAY + 60_000);
    expect(ttlOf("}:id:d")).toBeGreaterThan(DAY - 60_000);
    expect(ttlOf("}:id:e")).toBeLessThanOrEqual(5000);
    expect(ttlOf("forever:state")).toBeGreaterThan(399 * DAY);
  });
});
