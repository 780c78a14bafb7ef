import { createPlanResolver, definePlans, hard, isScaleError, tenancy, unlimited } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, expectTypeOf, it } from "vitest";
import { collect } from "../../test/usage-fixture.js";
import { thresholdReach, useRefuse } from "../events.js";
import { rows, usage } from "../options.js";
import type { MetricStatus } from "../plan/status.js";
import { createQuota } from "../quota.js";
import { memoryUsage } from "./memory-store.js";

const metrics = {
  tokens: usage({ per: "month" }),
  ever: usage({ per: "forever" }),
  mine: usage({ per: "day", by: "user", thresholds: [0.5] }),
};

function open(plan = "free") {
  const clock = createManualClock(Date.UTC(2026, 10, 30, 12));
  const plans = createPlanResolver({
    plans: definePlans({
      free: { quota: { tokens: hard(100), ever: hard(10), mine: hard(10) } },
      max: { quota: { tokens: unlimited(), ever: unlimited(), mine: unlimited() } },
    }),
    lookup: () => plan,
  });
  const subscription = () => ({ anchor: Date.UTC(2026, 0, 1) });
  const quota = createQuota({ metrics, plans, usage: memoryUsage({ clock }), subscription, clock });
  return { quota, nextMonth: () => clock.setWall(Date.UTC(2026, 11, 1)) };
}

describe("credits", () => {
  it("adds room to the current period, and shows no negative use", async () => {
    const { quota } = open();
    expect(await quota.credit("acme", { tokens: 20 }, { id: "ticket-7" })).toEqual({
      tokens: { units: 20, repeated: false },
    });
    const status = await quota.check("acme", "tokens", 121);
    expect(status).toMatchObject({ used: 0, credit: 20, limit: 100, max: 120, remaining: 120, allowed: false });
    expect(status.refusal).toMatchObject({ used: 0, max: 120, requested: 121 });
    expect(await quota.consume("acme", { tokens: 15 })).toMatchObject({
      metrics: { tokens: { used: 0, overage: false } },
    });
    const held = await quota.reserve("acme", { tokens: 105 });
    expect(held.metrics.tokens).toMatchObject({ used: 0, held: 105 });
    expect(await held.commit()).toMatchObject({ tokens: { used: 100, overage: false } });
    expect(await quota.check("acme", "tokens")).toMatchObject({ used: 100, credit: 0, max: 100, remaining: 0 });
    await expect(quota.consume("acme", { tokens: 1 })).rejects.toMatchObject({ refusal: { used: 100, max: 100 } });
  });

  it("credits an id once, and rejects other units under it", async () => {
    const { quota, nextMonth } = open();
    await quota.credit("acme", { tokens: 20 }, { id: "a" });
    expect(await quota.credit("acme", { tokens: 20 }, { id: "a" })).toEqual({ tokens: { units: 20, repeated: true } });
    const other: unknown = await quota.credit("acme", { tokens: 30 }, { id: "a" }).catch((error: unknown) => error);
    expect(isScaleError(other, "SCALE_IDEMPOTENCY")).toBe(true);
    expect(await quota.check("acme", "tokens")).toMatchObject({ remaining: 120 });
    nextMonth();
    expect(await quota.credit("acme", { tokens: 20 }, { id: "a" })).toMatchObject({ tokens: { repeated: false } });
  });
});

describe("rollover", () => {
  it("carries the units that the period before has left over, once", async () => {
    const { quota, nextMonth } = open();
    await quota.consume("acme", { tokens: 30 });
    const held = await quota.reserve("acme", { tokens: 10 }, { ttlMs: 86_400_000 });
    nextMonth();
    expect(await quota.rollover("acme", "tokens")).toEqual({ units: 60, repeated: false });
    // Ended later: the first rollover counts.
    await held.release();
    expect(await quota.rollover("acme", "tokens")).toEqual({ units: 60, repeated: true });
    expect(await quota.check("acme", "tokens")).toMatchObject({ used: 0, credit: 60, max: 160 });
  });

  it("carries over at most `max`, and at most the limit of the plan", async () => {
    const { quota, nextMonth } = open();
    expect(await quota.rollover("acme", "tokens", { max: 25 })).toEqual({ units: 25, repeated: false });
    nextMonth();
    // 125 were left.
    expect(await quota.rollover("acme", "tokens")).toEqual({ units: 100, repeated: false });
  });

  it("carries nothing over where nothing is left, and for a metric without periods or limit", async () => {
    const { quota, nextMonth } = open();
    await quota.consume("acme", { tokens: 120 }, { over: "overflow" });
    nextMonth();
    for (const metric of ["tokens", "ever"] as const)
      expect(await quota.rollover("acme", metric)).toEqual({ units: 0, repeated: false });
    expect(await open("max").quota.rollover("acme", "tokens")).toEqual({ units: 0, repeated: false });
  });
});

describe("metrics by user", () => {
  it("counts each user by itself, beside the tenant's metrics in one call", async () => {
    const { quota } = open();
    const use = (userId: string, units: number) => quota.tryConsume("acme", { tokens: units, mine: units }, { userId });
    expect(await use("ann", 8)).toMatchObject({ metrics: { tokens: { used: 8 }, mine: { metric: "mine", used: 8 } } });
    expect(await use("bob", 8)).toMatchObject({ metrics: { tokens: { used: 16 }, mine: { used: 8 } } });
    expect(await use("ann", 3)).toMatchObject({
      admitted: false,
      refusals: [{ metric: "mine", userId: "ann", used: 8 }],
    });
    expect(await quota.check("acme", "tokens")).toMatchObject({ used: 16 });
    expect(await quota.check("acme", "mine", { userId: "bob" })).toMatchObject({ used: 8, remaining: 2 });
    await quota.credit("acme", { mine: 5 }, { id: "a", userId: "ann" });
    expect(await quota.check("acme", "mine", { userId: "ann" })).toMatchObject({ used: 3 });
    const held = await quota.reserve("acme", { mine: 6 }, { userId: "ann" });
    expect(await held.commit({ mine: 2 })).toMatchObject({ mine: { used: 5 } });
  });

  it("takes the user of the current context, when its tenant is that of the call", async () => {
    const { quota } = open();
    const asAnn = <T>(work: () => Promise<T>) => tenancy.run({ tenantId: "acme", userId: "ann" }, work);
    await asAnn(() => quota.consume("acme", { mine: 4 }));
    expect(await quota.check("acme", "mine", { userId: "ann" })).toMatchObject({ used: 4 });
    await expect(quota.consume("acme", { mine: 1 })).rejects.toThrow(/userId: expected the user of "mine"/);
    await expect(asAnn(() => quota.consume("globex", { mine: 1 }))).rejects.toMatchObject({ code: "SCALE_TENANT" });
    const long = { userId: "x".repeat(600) };
    await expect(quota.consume("acme", { mine: 1 }, long)).rejects.toThrow(/at most 512 bytes/);
  });

  it("shows them in the status of a known user alone", async () => {
    const { quota } = open();
    expect(Object.keys((await quota.status("acme")).metrics)).toEqual(["tokens", "ever"]);
    const { metrics: shown } = await quota.status("acme", { userId: "ann" });
    expect(shown.mine).toMatchObject({ used: 0, limit: 10 });
    expectTypeOf(shown.mine).toEqualTypeOf<MetricStatus | undefined>();
    expectTypeOf(shown.tokens).toEqualTypeOf<MetricStatus>();
  });

  it("publishes thresholds and refusals with the user", async () => {
    const { quota } = open();
    const [reached, refused] = [collect(thresholdReach), collect(useRefuse)];
    await quota.consume("acme", { mine: 6 }, { userId: "ann" });
    await quota.tryConsume("acme", { mine: 6 }, { userId: "ann" });
    expect(reached).toMatchObject([{ metric: "mine", userId: "ann", threshold: 0.5, used: 6 }]);
    expect(refused).toMatchObject([{ metric: "mine", userId: "ann" }]);
  });

  it("keeps users apart, whatever characters their ids have", async () => {
    const { quota } = open();
    const users = ["a", "A", "a:b", "a}", "user", "mine:user:a", "\ud800", "\udbff"];
    for (const userId of users) await quota.consume("acme", { mine: 3 }, { userId });
    for (const userId of users) expect(await quota.check("acme", "mine", { userId })).toMatchObject({ used: 3 });
  });
});

describe("wrong options of metrics", () => {
  it("names the wrong one", () => {
    expect(() => usage({ per: "month", by: "group" as "user" })).toThrow(/usage: by:/);
    expect(() => usage({ per: "month", thresholds: [1, 0.5] })).toThrow(/usage: thresholds: expected ascending parts/);
    expect(() => usage({ per: { days: 0 } })).toThrow(/usage: per.days: Too small/);
    expect(() => usage({ per: { weeks: 1 } as never })).toThrow(/usage: per: expected "hour" to "year"/);
    expect(() => rows({ thresholds: [0] })).toThrow(/rows: thresholds/);
  });
});
