import { createManualClock } from "@scale/core/testing";
import { overageUse, type QuotaRefusal, storeFail, useRefuse } from "@scale/quota";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plans } from "../scale.plan.js";
import { createQuotaMetrics, type QuotaMetrics } from "./quota-metrics.js";

describe("createQuotaMetrics", () => {
  const clock = createManualClock();
  let metrics: QuotaMetrics;
  beforeEach(() => {
    metrics = createQuotaMetrics(plans, clock);
  });
  afterEach(() => metrics.stop());

  const shown = (): string[] =>
    metrics
      .read()
      .nearestToLimit.map(
        ({ tenantId, metric, plan, used, limit }) => `${tenantId} ${metric} ${plan} ${used}/${limit}`,
      );

  function refuse(refusal: Partial<QuotaRefusal>): void {
    const counts = { limit: 105, max: 105, used: 105, held: 0, requested: 1, resetsAt: undefined };
    const upgrade = { from: "free", to: "basic" };
    useRefuse.publish(() => ({ tenantId: "a", metric: "contacts", plan: "free", ...counts, upgrade, ...refusal }));
  }

  it("sorts by the used fraction of the limit, also after units were given back", () => {
    metrics.record({ tenantId: "a", metric: "contacts", plan: "free", used: 105 });
    metrics.record({ tenantId: "b", metric: "contacts", plan: "basic", used: 105 });
    metrics.record({ tenantId: "c", metric: "deals", plan: "free", used: 52 });
    metrics.record({ tenantId: "a", metric: "contacts", plan: undefined, used: 104 });
    expect(shown()).toEqual(["c deals free 52/52", "a contacts free 104/105", "b contacts basic 105/500"]);
  });

  it("omits counters without a limit or a known plan", () => {
    metrics.record({ tenantId: "a", metric: "contacts", plan: "enterprise", used: 7 });
    metrics.record({ tenantId: "b", metric: "contacts", plan: "free", used: undefined });
    metrics.record({ tenantId: "c", metric: "contacts", plan: undefined, used: 3 });
    expect(shown()).toEqual([]);
  });

  it("counts refusals by tenant and plan, and keeps the last suggested upgrade", () => {
    refuse({});
    clock.advance(60_000);
    refuse({ upgrade: undefined });
    refuse({ upgrade: { from: "free", to: "professional" } });
    const { nearestToLimit, plans: byPlan } = metrics.read();
    const refused = { last: 2, total: 3 };
    expect(nearestToLimit).toEqual([
      { tenantId: "a", metric: "contacts", plan: "free", used: 105, limit: 105, refused, upgrade: "professional" },
    ]);
    expect(byPlan.map(({ plan, refused: { total } }) => `${plan} ${total}`)).toEqual([
      "free 3",
      "basic 0",
      "professional 0",
      "enterprise 0",
    ]);
  });

  it("reports the limits of plans, with the overage of soft limits", () => {
    expect(metrics.read().plans[1]?.limits).toEqual([
      { metric: "contacts", limit: 500, more: 0 },
      { metric: "deals", limit: 250, more: 0 },
      { metric: "emails", limit: 50, more: 10 },
    ]);
    expect(metrics.read().plans[3]?.limits[0]).toEqual({ metric: "contacts", limit: null, more: 0 });
  });

  it("counts overage and store failures", () => {
    const use = { tenantId: "a", metric: "emails", plan: "basic", units: 1, used: 51, limit: 50 };
    overageUse.publish(() => use);
    storeFail.publish(() => ({ tenantId: "a", metrics: ["emails"], decided: "allow", error: new Error("no") }));
    expect(metrics.read()).toMatchObject({ overage: { total: 1 }, storeFailures: { total: 1 } });
  });

  it("keeps a bounded number of counters, and all refusals in the sums", () => {
    for (let n = 0; n < 3000; n++) metrics.record({ tenantId: `t${n}`, metric: "contacts", plan: "free", used: 1 });
    refuse({ tenantId: "late" });
    const { nearestToLimit, plans: byPlan } = metrics.read();
    expect(nearestToLimit).toHaveLength(10);
    expect(nearestToLimit.map(({ tenantId }) => tenantId)).not.toContain("late");
    expect(byPlan[0]?.refused.total).toBe(1);
  });
});
