import { createPlanResolver, definePlans, type EventChannel, hard, soft, StoreError, unlimited } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { QuotaExceeded } from "../errors.js";
import { overageUse, storeFail, thresholdReach } from "../events.js";
import { usage } from "../metrics.js";
import { createQuota } from "../quota.js";
import type { Quota } from "../quota-interface.js";
import type { Reservation } from "./reservation.js";
import { memoryUsage } from "./memory-store.js";
import type { BulkUsageStore } from "./store.js";

const metrics = { tokens: usage({ per: "month" }), calls: usage({ per: "day" }), mails: usage({ per: "forever" }) };
type Metrics = typeof metrics;

const plans = definePlans({
  free: { quota: { tokens: hard(1000), calls: soft(10, { overage: 0.5 }), mails: hard(5) } },
  pro: { quota: { tokens: hard(5000), calls: soft(100), mails: hard(50) } },
  max: { quota: { tokens: unlimited(), calls: unlimited(), mails: unlimited() } },
});

/** 20 November 2026, 12:00 UTC. */
const NOW = Date.UTC(2026, 10, 20, 12);
const ANCHOR = Date.UTC(2026, 0, 31, 9);

let clock: ManualClock;
let store: BulkUsageStore;
let quota: Quota<Metrics, never>;
let failure: Error | undefined;

beforeEach(() => {
  clock = createManualClock(NOW);
  failure = undefined;
  store = memoryUsage({ clock });
  quota = newQuota();
});

const resolver = () => createPlanResolver({ plans, lookup: (tenantId) => tenantId.split("-")[0] });

function newQuota(whenUsageFails?: { hard?: "allow" | "throw"; soft?: "allow" | "throw" }): Quota<Metrics, never> {
  const subscription = (): { anchor: number } => ({ anchor: ANCHOR });
  const failing = { ...store };
  for (const name of ["reserveAll", "useAll", "commit", "release", "read"] as const) {
    const call = store[name] as (input: never) => Promise<never>;
    failing[name] = async (input: never): Promise<never> => {
      if (failure !== undefined) throw failure;
      return call(input);
    };
  }
  const policy = whenUsageFails === undefined ? {} : { whenUsageFails };
  return createQuota({ metrics, plans: resolver(), usage: failing, subscription, clock, ...policy });
}

function collect<T>(event: EventChannel<T>): T[] {
  const messages: T[] = [];
  onTestFinished(event.subscribe((message) => messages.push(message)));
  return messages;
}

describe("createQuota: usage", () => {
  it("holds what was reserved, and records what was used", async () => {
    const reservation = await quota.reserve("free-1", "tokens", 800, { id: "a" });
    expect(reservation).toMatchObject({ admitted: true, id: "a", metric: "tokens", units: 800, used: 0, held: 800 });
    const refused = await quota.tryReserve("free-1", "tokens", 201);
    expect(refused).toMatchObject({
      admitted: false,
      refusals: [{ metric: "tokens", used: 0, held: 800, requested: 201, upgrade: { from: "free", to: "pro" } }],
    });
    const committed = await reservation.commit(300);
    expect(committed).toEqual({ committed: true, recorded: 300, late: false, used: 300, overage: false });
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 300, held: 0, remaining: 700 });
  });

  it("throws a refusal that says when the count starts again", async () => {
    const refused: unknown = await quota.reserve("free-1", "tokens", 1001).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(QuotaExceeded);
    // The anchor is 31 January, 09:00: the period of November ends on its last day.
    expect(refused).toMatchObject({ code: "SCALE_QUOTA", status: 402, resetsAt: Date.UTC(2026, 10, 30, 9) });
    expect(await quota.tryReserve("free-1", "mails", 6)).toMatchObject({ refusals: [{ resetsAt: undefined }] });
  });

  it("offers a plan that has room for what is held as well", async () => {
    await quota.reserve("free-1", "tokens", 800);
    expect(await quota.tryReserve("free-1", "tokens", 4200)).toMatchObject({ refusals: [{ upgrade: { to: "pro" } }] });
    expect(await quota.tryReserve("free-1", "tokens", 4201)).toMatchObject({ refusals: [{ upgrade: { to: "max" } }] });
  });

  it("gives the same id the same hold, and records it once", async () => {
    for (let i = 0; i < 3; i++) await quota.reserve("free-1", "tokens", 800, { id: "a" });
    const again = await quota.reserve("free-1", "tokens", 800, { id: "a" });
    await again.commit(500);
    expect(await again.commit(500)).toMatchObject({ committed: true, used: 500 });
    expect(await quota.consume("free-1", "mails", 2, { id: "b" })).toMatchObject({ used: 2 });
    expect(await quota.consume("free-1", "mails", 2, { id: "b" })).toMatchObject({ used: 2 });
  });

  it("drops a hold that was neither committed nor released, after its time", async () => {
    await quota.reserve("free-1", "tokens", 800, { ttlMs: 5000 });
    await quota.reserve("free-1", "tokens", 200);
    clock.advance(5000);
    expect(await quota.check("free-1", "tokens")).toMatchObject({ held: 200 });
    clock.advance(55_000);
    expect(await quota.check("free-1", "tokens")).toMatchObject({ held: 0, used: 0 });
  });

  it("releases at the end of its scope what was not committed", async () => {
    const work = async (commits: boolean): Promise<void> => {
      await using reservation = await quota.reserve("free-1", "tokens", 100);
      if (commits) await reservation.commit(40);
      // From here on there is nothing to release.
      if (commits) failure = new StoreError("was asked");
    };
    const failures = collect(storeFail);
    await work(false);
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
    await work(true);
    failure = undefined;
    expect(failures).toEqual([]);
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 40, held: 0 });
  });

  it("releases at the end of its scope what was rejected", async () => {
    const work = async (): Promise<void> => {
      await using reservation = await quota.reserve("free-1", "tokens", 100);
      expect(await reservation.commit(1001, { over: "reject" })).toMatchObject({ committed: false });
    };
    await work();
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
  });

  it("commits into the period in which it was reserved", async () => {
    const reservation = await quota.reserve("free-1", "tokens", 800, { ttlMs: 86_400_000 });
    clock.setWall(Date.UTC(2026, 10, 30, 9));
    expect(await reservation.commit(700)).toMatchObject({ used: 700 });
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 0, resetsAt: Date.UTC(2026, 11, 31, 9) });
  });

  it("counts in the period that the process's own clock says, where the clocks of two differ", async () => {
    const ahead = createManualClock(Date.UTC(2026, 10, 30, 9) + 2000);
    clock.setWall(ahead.now() - 4000);
    const other = createQuota({
      metrics,
      plans: resolver(),
      usage: store,
      subscription: () => ({ anchor: ANCHOR }),
      clock: ahead,
    });
    expect(await quota.consume("free-1", "tokens", 600)).toMatchObject({ used: 600 });
    expect(await other.consume("free-1", "tokens", 500)).toMatchObject({ used: 500 });
    expect(await quota.tryConsume("free-1", "tokens", 401)).toMatchObject({ admitted: false });
    clock.setWall(ahead.now());
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 500 });
  });

  it("keeps what was used when the plan changes in the middle of a period, and tells no threshold again", async () => {
    const reached = collect(thresholdReach);
    const overrides: Record<string, string> = {};
    const plansNow = createPlanResolver({ plans, lookup: (tenantId) => overrides[tenantId] ?? "free" });
    const changing = createQuota({
      metrics,
      plans: plansNow,
      usage: store,
      subscription: () => ({ anchor: ANCHOR }),
      clock,
    });
    const open = await changing.reserve("acme", "tokens", 200);
    await changing.consume("acme", "tokens", 800);
    await expect(changing.consume("acme", "tokens", 1)).rejects.toMatchObject({ upgrade: { to: "pro" } });
    overrides["acme"] = "pro";
    plansNow.invalidate("acme");
    expect(await changing.consume("acme", "tokens", 3500)).toMatchObject({ plan: "pro", used: 4300, limit: 5000 });
    // What was reserved on the old plan is recorded, as promised.
    expect(await open.commit(150)).toMatchObject({ recorded: 150, used: 4450 });
    overrides["acme"] = "free";
    plansNow.invalidate("acme");
    expect(await changing.check("acme", "tokens")).toMatchObject({ used: 4450, remaining: 0, allowed: false });
    expect(reached.map(({ plan, threshold, used }) => [plan, threshold, used])).toEqual([
      ["free", 0.8, 800],
      ["free", 1, 4450],
    ]);
  });

  it("does with units above the reservation what `over` says", async () => {
    const reserve = (id: string): Promise<Reservation> => quota.reserve("free-1", "tokens", 400, { id });
    const rejected = await reserve("a");
    expect(await rejected.commit(1001, { over: "reject" })).toMatchObject({ committed: false, recorded: 0 });
    expect(await quota.check("free-1", "tokens")).toMatchObject({ held: 400 });
    expect(await rejected.commit(900, { over: "cap" })).toMatchObject({ recorded: 900, used: 900 });
    const small = await quota.reserve("free-1", "tokens", 100, { id: "b" });
    expect(await small.commit(300, { over: "cap" })).toMatchObject({ recorded: 100, used: 1000 });
    expect(await quota.tryReserve("free-1", "tokens", 1)).toMatchObject({ admitted: false });
    const free = await quota.reserve("free-2", "tokens", 1000);
    expect(await free.commit(1500)).toMatchObject({ recorded: 1500, used: 1500, overage: true });
  });

  it("uses at once what needs no reservation, up to the overage", async () => {
    const overages = collect(overageUse);
    expect(await quota.consume("free-1", "calls", 10)).toMatchObject({ admitted: true, used: 10, overage: false });
    expect(await quota.consume("free-1", "calls", 2, { id: "a" })).toMatchObject({ used: 12, overage: true });
    expect(await quota.consume("free-1", "calls", 2, { id: "a" })).toMatchObject({ used: 12, overage: false });
    expect(await quota.consume("free-1", "calls", 3)).toMatchObject({ used: 15, overage: true });
    await expect(quota.consume("free-1", "calls", 1)).rejects.toThrow('quota calls of plan "free": 15 of 15, no room');
    const said = { tenantId: "free-1", metric: "calls", plan: "free", limit: 10 };
    expect(overages).toEqual([
      { ...said, units: 2, used: 12 },
      { ...said, units: 3, used: 15 },
    ]);
  });

  it("takes several metrics together or none", async () => {
    await expect(quota.consumeAll("free-1", { mails: 6, tokens: 10 })).rejects.toMatchObject({ metric: "mails" });
    expect((await quota.status("free-1")).metrics).toMatchObject({ mails: { used: 0 }, tokens: { used: 0 } });
    await quota.consumeAll("free-1", { mails: 5, tokens: 10 });
    await expect(quota.reserveAll("free-1", { mails: 1, tokens: 10 })).rejects.toMatchObject({ metric: "mails" });
    const [tokens, calls] = await quota.reserveAll("free-1", { tokens: 90, calls: 1 });
    await tokens?.commit();
    await calls?.release();
    expect((await quota.status("free-1")).metrics).toMatchObject({
      tokens: { used: 100, held: 0 },
      calls: { used: 0, held: 0 },
    });
  });

  it("takes 0 units for a question", async () => {
    expect(await quota.tryConsume("free-1", "mails", 0)).toMatchObject({ admitted: true, used: 0 });
    await quota.reserve("free-1", "mails", 5);
    expect(await quota.tryConsume("free-1", "mails", 0)).toMatchObject({ admitted: false });
    expect(await quota.tryReserve("free-1", "mails", 0)).toMatchObject({ admitted: false, refusals: [{ held: 5 }] });
  });

  it("publishes thresholds once in a period", async () => {
    const reached = collect(thresholdReach);
    for (let i = 0; i < 10; i++) await quota.consume("free-1", "tokens", 100);
    const said = { tenantId: "free-1", metric: "tokens", plan: "free", limit: 1000, period: expect.any(String) };
    expect(reached).toEqual([
      { ...said, threshold: 0.8, used: 800 },
      { ...said, threshold: 1, used: 1000 },
    ]);
    const reservation = await quota.reserve("pro-1", "mails", 50);
    await reservation.commit(45);
    expect(reached.slice(2)).toMatchObject([{ metric: "mails", threshold: 0.8, used: 45, period: "forever" }]);
  });

  it("asks nothing and counts nothing for an unlimited metric", async () => {
    failure = new StoreError("was asked");
    const reservation = await quota.reserve("max-1", "tokens", 10_000_000);
    expect(reservation).toMatchObject({ admitted: true, used: undefined, held: undefined });
    expect(await reservation.commit()).toEqual({
      committed: true,
      recorded: 0,
      late: false,
      used: undefined,
      overage: false,
    });
    await reservation.release();
    expect(await quota.consume("max-1", "mails", 9)).toMatchObject({ admitted: true, used: undefined });
  });

  it.each([-1, 0.5, Number.NaN, "1", undefined])("takes no %s for units", async (units) => {
    const wrong = units as number;
    await expect(quota.reserve("free-1", "tokens", wrong)).rejects.toThrow(TypeError);
    await expect(quota.consume("free-1", "tokens", wrong)).rejects.toThrow(TypeError);
    const reservation = await quota.reserve("free-1", "tokens", 1);
    await expect(reservation.commit(units === undefined ? -1 : wrong)).rejects.toThrow(TypeError);
  });
});

describe("createQuota: usage, and what it cannot be asked", () => {
  it("bills nobody in periods of its own when the application knows no subscription", async () => {
    for (const none of [undefined, null, "monthly"]) {
      const subscription = async () => none as never;
      const unknown = createQuota({ metrics, plans: resolver(), usage: store, subscription, clock });
      await expect(unknown.consume("free-1", "tokens", 1)).rejects.toThrow(/subscription: expected .* tenant "free-1"/);
      await expect(unknown.status("free-1")).rejects.toMatchObject({ code: "SCALE_CONFIG" });
      expect(await unknown.consume("free-1", "mails", 1)).toMatchObject({ admitted: true });
    }
  });

  it("takes no id that is empty, and no time that is none", async () => {
    await expect(quota.consume("free-1", "tokens", 1, { id: "" })).rejects.toThrow(/^id: expected/);
    await expect(quota.reserve("free-1", "tokens", 1, { ttlMs: Number.NaN })).rejects.toThrow(/^ttlMs: expected/);
    await expect(quota.reserve("free-1", "tokens", 1, { ttlMs: 86_400_001 })).rejects.toThrow(/^ttlMs: expected/);
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
  });
});

describe("createQuota: a usage store that does not answer", () => {
  it("fails uses of a hard limit, lets those of a soft one pass uncounted, and tells both", async () => {
    const failures = collect(storeFail);
    const error = new StoreError("Redis is down");
    failure = error;
    await expect(quota.reserve("free-1", "tokens", 1)).rejects.toBe(error);
    await expect(quota.consumeAll("free-1", { tokens: 1, calls: 1 })).rejects.toBe(error);
    expect(await quota.consume("free-1", "calls", 100)).toMatchObject({ admitted: true, used: undefined });
    expect(failures).toEqual([
      { tenantId: "free-1", metrics: ["tokens"], decided: "throw", error },
      { tenantId: "free-1", metrics: ["tokens", "calls"], decided: "throw", error },
      { tenantId: "free-1", metrics: ["calls"], decided: "allow", error },
    ]);
  });

  it("does as the caller chose", async () => {
    quota = newQuota({ hard: "allow", soft: "throw" });
    failure = new StoreError("Redis is down");
    expect(await quota.tryReserve("free-1", "tokens", 1)).toMatchObject({ admitted: true, used: undefined });
    await expect(quota.consume("free-1", "calls", 1)).rejects.toMatchObject({ code: "SCALE_STORE" });
  });

  it("records work that was let pass, once the store answers again", async () => {
    failure = new StoreError("Redis is down");
    const reservation = await quota.reserve("free-1", "calls", 3);
    failure = undefined;
    expect(await reservation.commit(2)).toMatchObject({ recorded: 2, late: true, used: 2 });
  });

  it("loses no error of the work for a hold that cannot be released", async () => {
    const failures = collect(storeFail);
    const work = async (): Promise<void> => {
      await using reservation = await quota.reserve("free-1", "tokens", 3);
      expect(reservation.held).toBe(3);
      failure = new StoreError("Redis is down");
      throw new Error("the work failed");
    };
    await expect(work()).rejects.toThrow("the work failed");
    expect(failures).toMatchObject([{ metrics: ["tokens"], decided: "throw" }]);
  });

  it("lets no other error pass", async () => {
    failure = new TypeError("a mistake");
    await expect(quota.consume("free-1", "calls", 1)).rejects.toThrow("a mistake");
  });
});
