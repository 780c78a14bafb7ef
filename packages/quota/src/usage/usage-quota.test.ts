import { createPlanResolver, definePlans, type EventChannel, hard, soft, StoreError, unlimited } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { beforeEach, describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { QuotaExceeded } from "../errors.js";
import { overageUse, storeFail, thresholdReach } from "../events.js";
import { usage } from "../options.js";
import { createQuota } from "../quota.js";
import type { Quota } from "../quota-interface.js";
import type { Reservation } from "./reservation.js";
import { memoryUsage } from "./memory-store.js";
import type { UsageStore } from "./store.js";

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
let store: UsageStore;
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
  for (const name of ["reserve", "consume", "commit", "release", "read"] as const) {
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
  it("holds reserved units, and records the committed ones", async () => {
    const reservation = await quota.reserve("free-1", { tokens: 800 }, { id: "a" });
    expect(reservation).toMatchObject({
      ...{ admitted: true, id: "a" },
      metrics: { tokens: { plan: "free", units: 800, used: 0, held: 800 } },
    });
    const refused = await quota.tryReserve("free-1", { tokens: 201 });
    expect(refused).toMatchObject({
      admitted: false,
      refusals: [{ metric: "tokens", used: 0, held: 800, requested: 201, upgrade: { from: "free", to: "pro" } }],
    });
    const committed = await reservation.commit({ tokens: 300 });
    expect(committed).toEqual({
      tokens: { committed: true, recorded: 300, late: false, used: 300, overage: false },
    });
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 300, held: 0, remaining: 700 });
  });

  it("throws a refusal with the time at which the count starts again", async () => {
    const refused: unknown = await quota.reserve("free-1", { tokens: 1001 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(QuotaExceeded);
    // The anchor is 31 January, 09:00: the period of November ends on its last day.
    expect(refused).toMatchObject({
      ...{ code: "SCALE_QUOTA", status: 402 },
      refusal: { resetsAt: Date.UTC(2026, 10, 30, 9) },
    });
    expect(await quota.tryReserve("free-1", { mails: 6 })).toMatchObject({ refusals: [{ resetsAt: undefined }] });
  });

  it("offers a plan that has room for the held units as well", async () => {
    await quota.reserve("free-1", { tokens: 800 });
    expect(await quota.tryReserve("free-1", { tokens: 4200 })).toMatchObject({
      refusals: [{ upgrade: { to: "pro" } }],
    });
    expect(await quota.tryReserve("free-1", { tokens: 4201 })).toMatchObject({
      refusals: [{ upgrade: { to: "max" } }],
    });
  });

  it("gives the same id the same hold, and records it once", async () => {
    for (let i = 0; i < 3; i++) await quota.reserve("free-1", { tokens: 800 }, { id: "a" });
    const again = await quota.reserve("free-1", { tokens: 800 }, { id: "a" });
    await again.commit({ tokens: 500 });
    expect(await again.commit({ tokens: 500 })).toMatchObject({ tokens: { committed: true, used: 500 } });
    expect(await quota.consume("free-1", { mails: 2 }, { id: "b" })).toMatchObject({ metrics: { mails: { used: 2 } } });
    expect(await quota.consume("free-1", { mails: 2 }, { id: "b" })).toMatchObject({ metrics: { mails: { used: 2 } } });
  });

  it("drops a hold that was neither committed nor released when it expires", async () => {
    await quota.reserve("free-1", { tokens: 800 }, { ttlMs: 5000 });
    await quota.reserve("free-1", { tokens: 200 });
    clock.advance(5000);
    expect(await quota.check("free-1", "tokens")).toMatchObject({ held: 200 });
    clock.advance(55_000);
    expect(await quota.check("free-1", "tokens")).toMatchObject({ held: 0, used: 0 });
  });

  it("releases at the end of its scope the units that were not committed", async () => {
    const work = async (commits: boolean): Promise<void> => {
      await using reservation = await quota.reserve("free-1", { tokens: 100 });
      if (commits) await reservation.commit({ tokens: 40 });
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

  it("releases at the end of its scope the units of a rejected commit", async () => {
    const work = async (): Promise<void> => {
      await using reservation = await quota.reserve("free-1", { tokens: 100 });
      const committed = await reservation.commit({ tokens: 1001 }, { over: "reject" });
      expect(committed).toMatchObject({ tokens: { committed: false } });
    };
    await work();
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
  });

  it("commits into the period in which it was reserved", async () => {
    const reservation = await quota.reserve("free-1", { tokens: 800 }, { ttlMs: 86_400_000 });
    clock.setWall(Date.UTC(2026, 10, 30, 9));
    expect(await reservation.commit({ tokens: 700 })).toMatchObject({ tokens: { used: 700 } });
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 0, resetsAt: Date.UTC(2026, 11, 31, 9) });
  });

  it("counts in the period of the process's own clock, when the clocks of two processes differ", async () => {
    const ahead = createManualClock(Date.UTC(2026, 10, 30, 9) + 2000);
    clock.setWall(ahead.now() - 4000);
    const other = createQuota({
      metrics,
      plans: resolver(),
      usage: store,
      subscription: () => ({ anchor: ANCHOR }),
      clock: ahead,
    });
    expect(await quota.consume("free-1", { tokens: 600 })).toMatchObject({ metrics: { tokens: { used: 600 } } });
    expect(await other.consume("free-1", { tokens: 500 })).toMatchObject({ metrics: { tokens: { used: 500 } } });
    expect(await quota.tryConsume("free-1", { tokens: 401 })).toMatchObject({ admitted: false });
    clock.setWall(ahead.now());
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 500 });
  });

  it("keeps used units when the plan changes in the middle of a period, and publishes no threshold again", async () => {
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
    const open = await changing.reserve("acme", { tokens: 200 });
    await changing.consume("acme", { tokens: 800 });
    await expect(changing.consume("acme", { tokens: 1 })).rejects.toMatchObject({
      refusal: { upgrade: { to: "pro" } },
    });
    overrides["acme"] = "pro";
    plansNow.invalidate("acme");
    expect(await changing.consume("acme", { tokens: 3500 })).toMatchObject({
      metrics: { tokens: { plan: "pro", used: 4300, limit: 5000 } },
    });
    // Units reserved on the old plan are recorded, as promised.
    expect(await open.commit({ tokens: 150 })).toMatchObject({ tokens: { recorded: 150, used: 4450 } });
    overrides["acme"] = "free";
    plansNow.invalidate("acme");
    expect(await changing.check("acme", "tokens")).toMatchObject({ used: 4450, remaining: 0, allowed: false });
    expect(reached.map(({ plan, threshold, used }) => [plan, threshold, used])).toEqual([
      ["free", 0.8, 800],
      ["free", 1, 4450],
    ]);
  });

  it("treats units above the reservation as `over` says", async () => {
    const reserve = (id: string): Promise<Reservation<"tokens">> => quota.reserve("free-1", { tokens: 400 }, { id });
    const rejected = await reserve("a");
    expect(await rejected.commit({ tokens: 1001 }, { over: "reject" })).toMatchObject({
      tokens: { committed: false, recorded: 0 },
    });
    expect(await quota.check("free-1", "tokens")).toMatchObject({ held: 400 });
    expect(await rejected.commit({ tokens: 900 }, { over: "cap" })).toMatchObject({
      tokens: { recorded: 900, used: 900 },
    });
    const small = await quota.reserve("free-1", { tokens: 100 }, { id: "b" });
    expect(await small.commit({ tokens: 300 }, { over: "cap" })).toMatchObject({
      tokens: { recorded: 100, used: 1000 },
    });
    expect(await quota.tryReserve("free-1", { tokens: 1 })).toMatchObject({ admitted: false });
    const free = await quota.reserve("free-2", { tokens: 1000 });
    expect(await free.commit({ tokens: 1500 })).toMatchObject({
      tokens: { recorded: 1500, used: 1500, overage: true },
    });
  });

  it("uses units at once without a reservation, up to the overage", async () => {
    const overages = collect(overageUse);
    expect(await quota.consume("free-1", { calls: 10 })).toMatchObject({
      admitted: true,
      metrics: { calls: { used: 10, overage: false } },
    });
    expect(await quota.consume("free-1", { calls: 2 }, { id: "a" })).toMatchObject({
      metrics: { calls: { used: 12, overage: true } },
    });
    expect(await quota.consume("free-1", { calls: 2 }, { id: "a" })).toMatchObject({
      metrics: { calls: { used: 12, overage: false } },
    });
    expect(await quota.consume("free-1", { calls: 3 })).toMatchObject({
      metrics: { calls: { used: 15, overage: true } },
    });
    await expect(quota.consume("free-1", { calls: 1 })).rejects.toThrow(
      'quota calls of plan "free": 15 of 15, no room',
    );
    const said = { tenantId: "free-1", metric: "calls", plan: "free", limit: 10 };
    expect(overages).toEqual([
      { ...said, units: 2, used: 12 },
      { ...said, units: 3, used: 15 },
    ]);
  });

  it("admits several metrics together or none", async () => {
    await expect(quota.consume("free-1", { mails: 6, tokens: 10 })).rejects.toMatchObject({
      refusal: { metric: "mails" },
    });
    expect((await quota.status("free-1")).metrics).toMatchObject({ mails: { used: 0 }, tokens: { used: 0 } });
    await quota.consume("free-1", { mails: 5, tokens: 10 });
    await expect(quota.reserve("free-1", { mails: 1, tokens: 10 })).rejects.toMatchObject({
      refusal: { metric: "mails" },
    });
    const reservation = await quota.reserve("free-1", { tokens: 90, calls: 1 });
    expectTypeOf(reservation.metrics).toHaveProperty("calls");
    expect(await reservation.commit({ tokens: 90 })).toEqual({ tokens: expect.objectContaining({ recorded: 90 }) });
    expect((await quota.status("free-1")).metrics.calls).toMatchObject({ used: 0, held: 1 });
    await reservation.release();
    expect((await quota.status("free-1")).metrics).toMatchObject({
      tokens: { used: 100, held: 0 },
      calls: { used: 0, held: 0 },
    });
  });

  it("commits the other metrics of a reservation when one of them fails", async () => {
    const broken: UsageStore = {
      ...store,
      commit: (input) => (input.metric === "tokens" ? Promise.reject(new TypeError("a mistake")) : store.commit(input)),
    };
    const subscription = (): { anchor: number } => ({ anchor: ANCHOR });
    const failing = createQuota({ metrics, plans: resolver(), usage: broken, subscription, clock });
    const reservation = await failing.reserve("free-1", { tokens: 90, calls: 1 });
    await expect(reservation.commit()).rejects.toThrow("a mistake");
    expect((await quota.status("free-1")).metrics).toMatchObject({ tokens: { held: 90 }, calls: { used: 1, held: 0 } });
    await reservation[Symbol.asyncDispose]();
    expect((await quota.status("free-1")).metrics).toMatchObject({ tokens: { held: 0 }, calls: { used: 1 } });
  });

  it("rejects a commit of a metric that was not reserved, before it records another", async () => {
    const reservation = await quota.reserve("free-1", { tokens: 90 });
    const wrong = { tokens: 1, calls: 1 } as { tokens: number };
    await expect(reservation.commit(wrong)).rejects.toThrow("expected a metric of the reservation, one of tokens");
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 90 });
  });

  it("checks for room, and uses nothing, with 0 units", async () => {
    expect(await quota.tryConsume("free-1", { mails: 0 })).toMatchObject({
      admitted: true,
      metrics: { mails: { used: 0 } },
    });
    await quota.reserve("free-1", { mails: 5 });
    expect(await quota.tryConsume("free-1", { mails: 0 })).toMatchObject({ admitted: false });
    expect(await quota.tryReserve("free-1", { mails: 0 })).toMatchObject({ admitted: false, refusals: [{ held: 5 }] });
  });

  it("publishes thresholds once in a period", async () => {
    const reached = collect(thresholdReach);
    for (let i = 0; i < 10; i++) await quota.consume("free-1", { tokens: 100 });
    const said = { tenantId: "free-1", metric: "tokens", plan: "free", limit: 1000, period: expect.any(String) };
    expect(reached).toEqual([
      { ...said, threshold: 0.8, used: 800 },
      { ...said, threshold: 1, used: 1000 },
    ]);
    const reservation = await quota.reserve("pro-1", { mails: 50 });
    await reservation.commit({ mails: 45 });
    expect(reached.slice(2)).toMatchObject([{ metric: "mails", threshold: 0.8, used: 45, period: "forever" }]);
  });

  it("does not ask the store for an unlimited metric, and counts nothing", async () => {
    failure = new StoreError("was asked");
    const reservation = await quota.reserve("max-1", { tokens: 10_000_000 });
    expect(reservation.metrics.tokens).toMatchObject({ used: undefined, held: undefined });
    expect(await reservation.commit()).toEqual({
      tokens: { committed: true, recorded: 0, late: false, used: undefined, overage: false },
    });
    await reservation.release();
    expect(await quota.consume("max-1", { mails: 9 })).toMatchObject({
      admitted: true,
      metrics: { mails: { used: undefined } },
    });
  });

  it.each([-1, 0.5, Number.NaN, "1", undefined])("rejects %s as units", async (units) => {
    const wrong = units as number;
    await expect(quota.reserve("free-1", { tokens: wrong })).rejects.toThrow(TypeError);
    await expect(quota.consume("free-1", { tokens: wrong })).rejects.toThrow(TypeError);
    const reservation = await quota.reserve("free-1", { tokens: 1 });
    await expect(reservation.commit({ tokens: wrong })).rejects.toThrow(TypeError);
  });
});

describe("createQuota: usage, wrong input", () => {
  it("rejects a use when the application knows no subscription, and makes no period of its own", async () => {
    for (const none of [undefined, null, "monthly"]) {
      const subscription = async () => none as never;
      const unknown = createQuota({ metrics, plans: resolver(), usage: store, subscription, clock });
      await expect(unknown.consume("free-1", { tokens: 1 })).rejects.toThrow(
        /subscription: expected .* tenant "free-1"/,
      );
      await expect(unknown.status("free-1")).rejects.toMatchObject({ code: "SCALE_CONFIG" });
      expect(await unknown.consume("free-1", { mails: 1 })).toMatchObject({ admitted: true });
    }
  });

  it("rejects an empty id, and a wrong ttlMs", async () => {
    await expect(quota.consume("free-1", { tokens: 1 }, { id: "" })).rejects.toThrow(/^id: expected/);
    await expect(quota.reserve("free-1", { tokens: 1 }, { ttlMs: Number.NaN })).rejects.toThrow(/^ttlMs: expected/);
    await expect(quota.reserve("free-1", { tokens: 1 }, { ttlMs: 86_400_001 })).rejects.toThrow(/^ttlMs: expected/);
    expect(await quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
  });
});

describe("createQuota: a usage store that does not answer", () => {
  it("rejects uses of a hard limit, admits uses of a soft limit uncounted, and publishes both", async () => {
    const failures = collect(storeFail);
    const error = new StoreError("Redis is down");
    failure = error;
    await expect(quota.reserve("free-1", { tokens: 1 })).rejects.toBe(error);
    await expect(quota.consume("free-1", { tokens: 1, calls: 1 })).rejects.toBe(error);
    expect(await quota.consume("free-1", { calls: 100 })).toMatchObject({
      admitted: true,
      metrics: { calls: { used: undefined } },
    });
    expect(failures).toEqual([
      { tenantId: "free-1", metrics: ["tokens"], decided: "throw", error },
      { tenantId: "free-1", metrics: ["tokens", "calls"], decided: "throw", error },
      { tenantId: "free-1", metrics: ["calls"], decided: "allow", error },
    ]);
  });

  it("follows whenUsageFails", async () => {
    quota = newQuota({ hard: "allow", soft: "throw" });
    failure = new StoreError("Redis is down");
    expect(await quota.tryReserve("free-1", { tokens: 1 })).toMatchObject({
      admitted: true,
      metrics: { tokens: { used: undefined } },
    });
    await expect(quota.consume("free-1", { calls: 1 })).rejects.toMatchObject({ code: "SCALE_STORE" });
  });

  it("records work that was admitted without the store, once the store answers again", async () => {
    failure = new StoreError("Redis is down");
    const reservation = await quota.reserve("free-1", { calls: 3 });
    failure = undefined;
    expect(await reservation.commit({ calls: 2 })).toMatchObject({ calls: { recorded: 2, late: true, used: 2 } });
  });

  it("keeps the error of the work when its hold cannot be released", async () => {
    const failures = collect(storeFail);
    const work = async (): Promise<void> => {
      await using reservation = await quota.reserve("free-1", { tokens: 3 });
      expect(reservation.metrics.tokens.held).toBe(3);
      failure = new StoreError("Redis is down");
      throw new Error("the work failed");
    };
    await expect(work()).rejects.toThrow("the work failed");
    expect(failures).toMatchObject([{ metrics: ["tokens"], decided: "throw" }]);
  });

  it("rejects with every other error", async () => {
    failure = new TypeError("a mistake");
    await expect(quota.consume("free-1", { calls: 1 })).rejects.toThrow("a mistake");
  });
});
