import { createPlanResolver, StoreError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { ANCHOR, collect, metrics, openUsage, plans, resolver, type UsageFixture } from "../../test/usage-fixture.js";
import { QuotaExceeded } from "../errors.js";
import { overageUse, thresholdReach } from "../events.js";
import { createQuota } from "../quota.js";

let at: UsageFixture;
beforeEach(() => {
  at = openUsage();
});

describe("createQuota: usage", () => {
  it("holds reserved units, and records the committed ones", async () => {
    const reservation = await at.quota.reserve("free-1", { tokens: 800 }, { id: "a" });
    expect(reservation).toMatchObject({
      ...{ admitted: true, id: "a" },
      metrics: { tokens: { plan: "free", units: 800, used: 0, held: 800 } },
    });
    const refused = await at.quota.tryReserve("free-1", { tokens: 201 });
    expect(refused).toMatchObject({
      admitted: false,
      refusals: [{ metric: "tokens", used: 0, held: 800, requested: 201, upgrade: { from: "free", to: "pro" } }],
    });
    const committed = await reservation.commit({ tokens: 300 });
    expect(committed).toEqual({
      tokens: { committed: true, recorded: 300, late: false, used: 300, overage: false },
    });
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 300, held: 0, remaining: 700 });
  });

  it("throws a refusal with the time at which the count starts again", async () => {
    const refused: unknown = await at.quota.reserve("free-1", { tokens: 1001 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(QuotaExceeded);
    // The anchor is 31 January, 09:00: the period of November ends on its last day.
    expect(refused).toMatchObject({
      ...{ code: "SCALE_QUOTA", status: 402 },
      refusal: { resetsAt: Date.UTC(2026, 10, 30, 9) },
    });
    expect(await at.quota.tryReserve("free-1", { mails: 6 })).toMatchObject({ refusals: [{ resetsAt: undefined }] });
  });

  it("offers a plan that has room for the held units as well", async () => {
    await at.quota.reserve("free-1", { tokens: 800 });
    expect(await at.quota.tryReserve("free-1", { tokens: 4200 })).toMatchObject({
      refusals: [{ upgrade: { to: "pro" } }],
    });
    expect(await at.quota.tryReserve("free-1", { tokens: 4201 })).toMatchObject({
      refusals: [{ upgrade: { to: "max" } }],
    });
  });

  it("counts in the period of the process's own clock, when the clocks of two processes differ", async () => {
    const ahead = createManualClock(Date.UTC(2026, 10, 30, 9) + 2000);
    at.clock.setWall(ahead.now() - 4000);
    const other = createQuota({
      metrics,
      plans: resolver(),
      usage: at.store,
      subscription: () => ({ anchor: ANCHOR }),
      clock: ahead,
    });
    expect(await at.quota.consume("free-1", { tokens: 600 })).toMatchObject({ metrics: { tokens: { used: 600 } } });
    expect(await other.consume("free-1", { tokens: 500 })).toMatchObject({ metrics: { tokens: { used: 500 } } });
    expect(await at.quota.tryConsume("free-1", { tokens: 401 })).toMatchObject({ admitted: false });
    at.clock.setWall(ahead.now());
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 500 });
  });

  it("keeps used units when the plan changes in the middle of a period, and publishes no threshold again", async () => {
    const reached = collect(thresholdReach);
    const overrides: Record<string, string> = {};
    const plansNow = createPlanResolver({ plans, lookup: (tenantId) => overrides[tenantId] ?? "free" });
    const changing = createQuota({
      metrics,
      plans: plansNow,
      usage: at.store,
      subscription: () => ({ anchor: ANCHOR }),
      clock: at.clock,
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

  it("uses units at once without a reservation, up to the overage", async () => {
    const overages = collect(overageUse);
    expect(await at.quota.consume("free-1", { calls: 10 })).toMatchObject({
      admitted: true,
      metrics: { calls: { used: 10, overage: false } },
    });
    expect(await at.quota.consume("free-1", { calls: 2 }, { id: "a" })).toMatchObject({
      metrics: { calls: { used: 12, overage: true } },
    });
    expect(await at.quota.consume("free-1", { calls: 2 }, { id: "a" })).toMatchObject({
      metrics: { calls: { used: 12, overage: false } },
    });
    expect(await at.quota.consume("free-1", { calls: 3 })).toMatchObject({
      metrics: { calls: { used: 15, overage: true } },
    });
    await expect(at.quota.consume("free-1", { calls: 1 })).rejects.toThrow(
      'quota calls of plan "free": 15 of 15, no room',
    );
    const said = { tenantId: "free-1", metric: "calls", plan: "free", limit: 10 };
    expect(overages).toEqual([
      { ...said, units: 2, used: 12 },
      { ...said, units: 3, used: 15 },
    ]);
  });

  it("admits several metrics together or none", async () => {
    await expect(at.quota.consume("free-1", { mails: 6, tokens: 10 })).rejects.toMatchObject({
      refusal: { metric: "mails" },
    });
    expect((await at.quota.status("free-1")).metrics).toMatchObject({ mails: { used: 0 }, tokens: { used: 0 } });
    await at.quota.consume("free-1", { mails: 5, tokens: 10 });
    await expect(at.quota.reserve("free-1", { mails: 1, tokens: 10 })).rejects.toMatchObject({
      refusal: { metric: "mails" },
    });
    const reservation = await at.quota.reserve("free-1", { tokens: 90, calls: 1 });
    expectTypeOf(reservation.metrics).toHaveProperty("calls");
    expect(await reservation.commit({ tokens: 90 })).toEqual({ tokens: expect.objectContaining({ recorded: 90 }) });
    expect((await at.quota.status("free-1")).metrics.calls).toMatchObject({ used: 0, held: 1 });
    await reservation.release();
    expect((await at.quota.status("free-1")).metrics).toMatchObject({
      tokens: { used: 100, held: 0 },
      calls: { used: 0, held: 0 },
    });
  });

  it("checks for room, and uses nothing, with 0 units", async () => {
    expect(await at.quota.tryConsume("free-1", { mails: 0 })).toMatchObject({
      admitted: true,
      metrics: { mails: { used: 0 } },
    });
    await at.quota.reserve("free-1", { mails: 5 });
    expect(await at.quota.tryConsume("free-1", { mails: 0 })).toMatchObject({ admitted: false });
    expect(await at.quota.tryReserve("free-1", { mails: 0 })).toMatchObject({
      admitted: false,
      refusals: [{ held: 5 }],
    });
  });

  it("publishes thresholds once in a period", async () => {
    const reached = collect(thresholdReach);
    for (let i = 0; i < 10; i++) await at.quota.consume("free-1", { tokens: 100 });
    const said = { tenantId: "free-1", metric: "tokens", plan: "free", limit: 1000, period: expect.any(String) };
    expect(reached).toEqual([
      { ...said, threshold: 0.8, used: 800 },
      { ...said, threshold: 1, used: 1000 },
    ]);
    const reservation = await at.quota.reserve("pro-1", { mails: 50 });
    await reservation.commit({ mails: 45 });
    expect(reached.slice(2)).toMatchObject([{ metric: "mails", threshold: 0.8, used: 45, period: "forever" }]);
  });

  it("counts an unlimited metric, refuses none of it, and keeps the count for a plan with a limit", async () => {
    const overrides: Record<string, string> = { acme: "max" };
    const plansNow = createPlanResolver({ plans, lookup: (tenantId) => overrides[tenantId] ?? "free" });
    const subscription = () => ({ anchor: ANCHOR });
    const changing = createQuota({ metrics, plans: plansNow, usage: at.store, subscription, clock: at.clock });
    const reservation = await changing.reserve("acme", { tokens: 10_000_000 });
    expect(await reservation.commit({ tokens: 90 })).toMatchObject({
      tokens: { recorded: 90, used: 90, overage: false },
    });
    expect(await changing.consume("acme", { mails: 9 })).toMatchObject({ metrics: { mails: { used: 9 } } });
    overrides["acme"] = "free";
    plansNow.invalidate("acme");
    expect(await changing.check("acme", "tokens", 911)).toMatchObject({ used: 90, exact: true, allowed: false });
    expect(await changing.tryConsume("acme", { mails: 1 })).toMatchObject({ refusals: [{ used: 9, max: 5 }] });
  });

  it("admits an unlimited metric when the store does not answer, whatever whenUsageFails says", async () => {
    at = openUsage({ hard: "throw", soft: "throw" });
    at.failure = new StoreError("Redis is down");
    expect(await at.quota.consume("max-1", { mails: 9 })).toMatchObject({ metrics: { mails: { used: undefined } } });
    const reservation = await at.quota.reserve("max-1", { tokens: 5 });
    expect(await reservation.commit()).toMatchObject({ tokens: { recorded: 0 } });
    await expect(at.quota.consume("free-1", { mails: 1 })).rejects.toMatchObject({ code: "SCALE_STORE" });
  });

  it("counts work that was done already above the limit, with over: overflow", async () => {
    const overages = collect(overageUse);
    await at.quota.consume("free-1", { mails: 4 });
    expect(await at.quota.tryConsume("free-1", { mails: 3 })).toMatchObject({ admitted: false });
    expect(await at.quota.consume("free-1", { mails: 3 }, { over: "overflow" })).toMatchObject({
      metrics: { mails: { used: 7, max: 5, overage: true } },
    });
    expect(await at.quota.check("free-1", "mails")).toMatchObject({ used: 7, remaining: 0 });
    expect(overages).toMatchObject([{ metric: "mails", units: 2, used: 7, limit: 5 }]);
  });

  it.each([-1, 0.5, Number.NaN, "1", undefined])("rejects %s as units", async (units) => {
    const wrong = units as number;
    await expect(at.quota.reserve("free-1", { tokens: wrong })).rejects.toThrow(TypeError);
    await expect(at.quota.consume("free-1", { tokens: wrong })).rejects.toThrow(TypeError);
    const reservation = await at.quota.reserve("free-1", { tokens: 1 });
    await expect(reservation.commit({ tokens: wrong })).rejects.toThrow(TypeError);
  });
});

describe("createQuota: usage, wrong input", () => {
  it("rejects a use when the application knows no subscription, and makes no period of its own", async () => {
    for (const none of [undefined, null, "monthly"]) {
      const subscription = async () => none as never;
      const unknown = createQuota({ metrics, plans: resolver(), usage: at.store, subscription, clock: at.clock });
      await expect(unknown.consume("free-1", { tokens: 1 })).rejects.toThrow(
        /subscription: expected .* tenant "free-1"/,
      );
      await expect(unknown.status("free-1")).rejects.toMatchObject({ code: "SCALE_CONFIG" });
      expect(await unknown.consume("free-1", { mails: 1 })).toMatchObject({ admitted: true });
    }
  });

  it("rejects an empty id, and a wrong ttlMs", async () => {
    await expect(at.quota.consume("free-1", { tokens: 1 }, { id: "" })).rejects.toThrow(/^id: expected/);
    await expect(at.quota.reserve("free-1", { tokens: 1 }, { ttlMs: Number.NaN })).rejects.toThrow(/^ttlMs: expected/);
    await expect(at.quota.reserve("free-1", { tokens: 1 }, { ttlMs: 86_400_001 })).rejects.toThrow(/^ttlMs: expected/);
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
  });
});
