import { createManualClock, type ManualClock } from "@scale/core/testing";
import { createScriptRunner, type ScriptRunner } from "@scale/core/redis";
import { waitUntil } from "@scale/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { drifts, type LossyUsage, PREFIX, startLossyUsage } from "../../../test/lossy-usage.js";
import { postgresLedger } from "../ledger/postgres.js";
import type { UsageLedger } from "../ledger/types.js";
import { dirtyKeys } from "./keys.js";
import { recoverOrphans } from "./orphan-recovery.js";
import { redisUsage } from "./store.js";

const DAY = 86_400_000;

const available = inject("redisUrl") !== "" && inject("postgresUrl") !== "";

describe.skipIf(!available)("redisUsage after crashes, failovers and credits", () => {
  let at: LossyUsage;
  beforeAll(async () => {
    at = await startLossyUsage(inject("postgresUrl"), "usage_repair");
  });
  afterEach(() => at.clean());
  afterAll(() => at.stop());

  it("flushes the units of a process that died after a commit", async () => {
    at.freshTenant();
    const clock = createManualClock();
    await at.use(at.start({ clock }), 8);
    at.start({ clock, flushEveryMs: 10 });
    clock.advance(1000);
    await waitUntil(async () => (await at.written()) === 8, { what: "another process flushes it" });
    const { counts } = dirtyKeys(PREFIX);
    expect(await at.redis.zcard(counts)).toBe(1);
    // A process may have marked the count a moment ago and be about to commit.
    clock.advance(60_000);
    await waitUntil(async () => (await at.redis.zcard(counts)) === 0, { what: "the mark is cleared" });
  });

  /** Orphan recovery of another process, and how often it read the progress of counts. */
  function recoverer(clock: ManualClock) {
    const runner = createScriptRunner({ redis: at.redis, timeoutMs: 5000 });
    const ledger = postgresLedger({ db: at.pool });
    const reads = { times: 0 };
    const run: ScriptRunner["run"] = (script, call) => {
      if (script.name === "progress") reads.times++;
      return runner.run(script, call);
    };
    const now = () => String(clock.now());
    const context = { runner: { ...runner, run }, prefix: PREFIX, ledger, clock, rememberMs: 1000, now };
    return { reads, recover: () => recoverOrphans(context, ledger, { idleMs: 500, leaseMs: 60_000 }) };
  }

  it("recovers in one process at a time", async () => {
    at.freshTenant();
    const clock = createManualClock();
    await at.use(at.start({ clock }), 8);
    const { reads, recover } = recoverer(clock);
    clock.advance(1000);
    await Promise.all([recover(), recover(), recover()]);
    expect([reads.times, await at.written()]).toEqual([1, 8]);
  });

  it("flushes more counts than one call returns, and clears members that are not counts", async () => {
    at.freshTenant();
    const clock = createManualClock();
    const { counts } = dirtyKeys(PREFIX);
    const dead = at.start({ clock });
    const { tenantId } = at;
    const changes = Array.from({ length: 1500 }, (_, i) => ({ ...at.of100(1), metric: `m${i}` }));
    for (let i = 0; i < 1500; i += 500) await dead.consume({ tenantId, changes: changes.slice(i, i + 500) });
    await at.redis.zadd(counts, 1, "none", 2, "[1]");
    clock.advance(61_000);
    await recoverer(clock).recover();
    expect([await at.redis.zcard(counts), await at.written()]).toEqual([0, 1500]);
  });

  it("counts units that were being written to the ledger when Redis lost the period", async () => {
    at.freshTenant();
    const real = postgresLedger({ db: at.pool });
    const other = at.start();
    let during: (() => Promise<unknown>) | undefined;
    const write: UsageLedger["write"] = async (states) => {
      await during?.();
      during = undefined;
      return real.write(states);
    };
    const store = at.start({ ledger: { ...real, write } });
    await at.use(store, 40);
    during = async () => {
      await at.redis.flushall();
      expect(await at.use(other, 1)).toMatchObject({ used: 1 });
    };
    const found = await drifts(() => store.flush());
    expect(found).toMatchObject([{ tenantId: at.tenantId, before: 1, source: 41, drift: -40 }]);
    expect(await at.status(store)).toMatchObject({ used: 41 });
  });

  for (const lost of [[5], [2, 3], [1, 1, 1, 2]]) {
    it(`restores the units that a failover to a copy lost, ${lost.length} flushes old`, async () => {
      at.freshTenant();
      const store = at.start();
      const key = `${PREFIX}:{${at.tenantId}}:tokens:month-1:state`;
      await at.use(store, 10);
      await store.flush();
      const copy = await at.redis.dumpBuffer(key);
      for (const units of lost) {
        await at.use(store, units);
        await store.flush();
      }
      await at.redis.restore(key, 1_000_000, copy, "REPLACE");
      await at.use(store, 1);
      const found = await drifts(() => store.flush());
      expect(found).toMatchObject([
        { tenantId: at.tenantId, metric: "tokens", period: "month-1", before: 11, source: 15, drift: -4 },
      ]);
      expect(await at.status(store)).toMatchObject({ used: 15 });
      await at.use(store, 1);
      await store.flush();
      expect(await at.written()).toBe(16);
    });
  }

  it("reconciles with a credit in the ledger, and keeps units used meanwhile", async () => {
    const address = at.freshTenant();
    const real = postgresLedger({ db: at.pool });
    let during: (() => Promise<unknown>) | undefined;
    const read: UsageLedger["read"] = async (addresses) => {
      const found = await real.read(addresses);
      await during?.();
      return found;
    };
    const store = at.start({ ledger: { ...real, read } });
    await at.use(store, 60);
    await real.write([
      { tenantId: at.tenantId, metric: "tokens", period: "month-1", epoch: "credit-1", units: -50, version: 1 },
    ]);
    during = () => at.use(store, 5);
    const found = await drifts(async () =>
      expect(await store.reconcile(address)).toEqual({ before: 60, source: 10, drift: 50, corrected: true }),
    );
    expect(found).toMatchObject([{ tenantId: at.tenantId, drift: 50, corrected: true }]);
    during = undefined;
    expect(await at.status(store)).toMatchObject({ used: 15 });
    expect(await drifts(() => store.reconcile(address))).toEqual([]);
  });

  it("corrects nothing when another process corrected the count first", async () => {
    const address = at.freshTenant();
    const real = postgresLedger({ db: at.pool });
    const other = at.start();
    await at.use(other, 60);
    await other.flush();
    await real.write([
      { tenantId: at.tenantId, metric: "tokens", period: "month-1", epoch: "credit-1", units: -50, version: 1 },
    ]);
    let isFirst = true;
    const read: UsageLedger["read"] = async (addresses) => {
      const found = await real.read(addresses);
      if (isFirst) {
        isFirst = false;
        await other.reconcile(address);
      }
      return found;
    };
    const store = at.start({ ledger: { ...real, read } });
    expect(await store.reconcile(address)).toMatchObject({ before: 10, drift: 0, corrected: true });
    expect(await at.status(store)).toMatchObject({ used: 10 });
  });

  it("reconciles a period that Redis does not have", async () => {
    const address = at.freshTenant();
    const store = at.start();
    await at.use(store, 9);
    await store.flush();
    await at.redis.flushall();
    expect(await store.reconcile(address)).toEqual({ before: 9, source: 9, drift: 0, corrected: true });
    expect(await at.redis.pttl(`${PREFIX}:{${at.tenantId}}:tokens:month-1:state`)).toBeGreaterThan(DAY);
    await expect(redisUsage({ redis: at.redis }).reconcile(address)).rejects.toMatchObject({ code: "SCALE_CONFIG" });
  });
});
