import { type RedisServer, seededRandom, startRedis, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { metrics, resolver } from "../../../test/usage-fixture.js";
import { memoryLedger } from "../../../test/memory-ledger.js";
import { repeatFail } from "../../events.js";
import { createQuota } from "../../quota.js";
import { type RedisUsage, redisUsage } from "./store.js";

const SEED = 20_261_130;
const TIMEOUT_MS = 50;
const period = { key: "month-1", startsAt: 0, endsAt: 4_000_000_000_000 };
const tenantId = "acme";
const of = (units: number) => ({ metric: "tokens", period, limit: 1_000_000, max: 1_000_000, units });
const address = { tenantId, metric: "tokens", period };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls that Redis carries out after their deadline. */
describe.skipIf(!inject("redisUrl"))("redisUsage on a server that is frozen for a moment", () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    redis.on("error", () => undefined);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  let prefixes = 0;
  function open(options: { readonly ledger?: ReturnType<typeof memoryLedger> } = {}): RedisUsage {
    const prefix = `late:${prefixes++}`;
    const store = redisUsage({ redis, prefix, timeoutMs: TIMEOUT_MS, flushEveryMs: 3_600_000, ...options });
    onTestFinished(() => store.close());
    return store;
  }

  /** Warms the scripts and the connection: the first call may take longer than the deadline. */
  async function warm(store: RedisUsage): Promise<void> {
    await waitUntil(async () => (await store.consume({ tenantId: "warm", changes: [of(1)] })).admitted, {
      what: "Redis",
    });
  }

  async function frozen<T>(ms: number, work: () => Promise<T>): Promise<T> {
    server.pause();
    const [settled] = await Promise.all([Promise.allSettled([work()]), sleep(ms).then(() => server.resume())]);
    const [result] = settled;
    if (result.status === "rejected") throw result.reason;
    return result.value;
  }

  const totals = async (store: RedisUsage): Promise<readonly number[]> => {
    const [found] = await store.read({ tenantId, metrics: [address] });
    return [found?.used ?? -1, found?.held ?? -1];
  };

  /** Nothing of a call that rejected is left a second after the server is back. */
  async function expectTotals(store: RedisUsage, used: number, held: number): Promise<void> {
    let last: readonly number[] = [];
    const isRight = async (): Promise<boolean> => {
      last = await totals(store);
      return last[0] === used && last[1] === held;
    };
    await waitUntil(isRight, { what: "used and held", timeoutMs: 1500 }).catch(() => undefined);
    expect(last).toEqual([used, held]);
  }

  for (const withLedger of [false, true]) {
    it(`counts what was admitted and nothing else, ${withLedger ? "with" : "without"} a ledger (seed ${SEED})`, async () => {
      const random = seededRandom(SEED);
      const ledger = memoryLedger();
      const store = open(withLedger ? { ledger } : {});
      await warm(store);
      let used = 0;
      let held = 0;
      for (let round = 0; round < 8; round++) {
        const calls = Array.from({ length: 12 }, (_, i) => async () => {
          const id = `${round}:${i}`;
          const kind = i % 3;
          if (kind === 0) {
            await store.reserve({ tenantId, id, ttlMs: 60_000, changes: [of(3)] });
            held += 3;
          } else {
            await store.consume({ tenantId, ...(kind === 1 && { id }), changes: [of(5)] });
            used += 5;
          }
        });
        await frozen(20 + random() * 120, () => Promise.allSettled(calls.map((call) => call())));
        await expectTotals(store, used, held);
      }
      if (!withLedger) return;
      await store.flush();
      expect(ledger.total()).toBe(used + 1);
    });
  }

  it("admits work with the same id once it is repeated, and counts it once", async () => {
    const store = open();
    await warm(store);
    const consume = () => store.consume({ tenantId, id: "job", changes: [of(5)] });
    await expect(frozen(90, consume)).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
    await waitUntil(async () => (await consume()).admitted, { what: "the repeated work" });
    await sleep(300);
    expect(await totals(store)).toEqual([5, 0]);
  });

  it("repeats a release that was refused", async () => {
    const store = open();
    await warm(store);
    await store.reserve({ tenantId, id: "a", call: "c1", ttlMs: 60_000, changes: [of(50)] });
    await store.reserve({ tenantId, id: "b", call: "c1", ttlMs: 60_000, changes: [of(7)] });
    await frozen(150, async () => {
      const release = (id: string) => store.release({ ...address, id, call: "c1" });
      await expect(release("a")).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
      // From here on calls are refused without being sent.
      await expect(release("b")).rejects.toMatchObject({ code: "SCALE_STORE" });
    });
    await expectTotals(store, 0, 0);
  });

  it("repeats a commit that was refused, and records it once", async () => {
    const store = open();
    await warm(store);
    for (const id of ["a", "b"]) await store.reserve({ tenantId, id, ttlMs: 60_000, changes: [of(50)] });
    const commit = (id: string) => store.commit({ ...address, ...of(40), id, over: "cap" });
    await frozen(150, async () => {
      await expect(commit("a")).rejects.toMatchObject({ code: "SCALE_TIMEOUT" });
      await expect(commit("b")).rejects.toMatchObject({ code: "SCALE_STORE" });
    });
    await expectTotals(store, 80, 0);
    expect(await commit("b")).toMatchObject({ repeated: true, recorded: 40 });
  });

  it("keeps the units of work that was admitted without an answer", async () => {
    const store = open();
    await warm(store);
    const subscription = () => ({ anchor: 0 });
    const whenUsageFails = { hard: "allow" } as const;
    const quota = createQuota({ metrics, plans: resolver(), usage: store, subscription, whenUsageFails });
    const used = async () => (await quota.check("free-1", "mails")).used;
    const held = async () => (await quota.check("free-1", "mails")).held;
    await quota.consume("free-1", { mails: 1 });
    const late = await frozen(90, () => quota.consume("free-1", { mails: 1 }));
    expect(late).toMatchObject({ metrics: { mails: { used: undefined } } });
    await waitUntil(async () => (await used()) === 2, { what: "the late use is counted" });
    // Work that was admitted without a hold has none after it.
    await frozen(90, async () => {
      await using reservation = await quota.reserve("free-1", { mails: 1 });
      expect(reservation.metrics.mails.held).toBeUndefined();
    });
    await waitUntil(async () => (await held()) === 0, { what: "the late hold is dropped", timeoutMs: 1000 });
    await sleep(200);
    expect([await used(), await held()]).toEqual([2, 0]);
  });

  it("publishes the calls that it gives up when it is closed", async () => {
    const store = open();
    await warm(store);
    const lost: unknown[] = [];
    onTestFinished(repeatFail.subscribe((message) => lost.push(message)));
    await frozen(400, async () => {
      await store.consume({ tenantId, changes: [of(5)] }).catch(() => undefined);
      await store.close();
    });
    expect(lost).toMatchObject([{ tenantId, metrics: ["tokens"], what: "cancel", error: { code: "SCALE_STORE" } }]);
  });
});
