import { createPlanResolver, definePlans, hard, type PlanInput, type PlanResolver } from "@scale/core";
import { describe, expect, it } from "vitest";
import { rows, usage } from "./options.js";
import { createQuota } from "./quota.js";
import type { RowsStore } from "./types.js";
import { memoryUsage } from "./usage/memory-store.js";

const store: RowsStore<unknown> = {
  use: async () => [],
  giveBack: async () => [],
  read: async () => [],
  reconcile: async () => ({ before: 0, source: 0, drift: 0, corrected: true }),
};

const plansOf = (quota: PlanInput["quota"]): PlanResolver =>
  createPlanResolver({ plans: definePlans({ free: quota === undefined ? {} : { quota } }), lookup: () => "free" });

describe("createQuota: options", () => {
  const metrics = { contacts: rows(), deals: rows() };

  it("accepts plans with a limit for every metric", () => {
    const plans = plansOf({ contacts: hard(1), deals: hard(0) });
    expect(createQuota({ metrics, plans, rows: store }).metrics).toEqual(["contacts", "deals"]);
  });

  it("names the plan and the metric that has no limit", () => {
    const plans = plansOf({ contacts: hard(1) });
    expect(() => createQuota({ metrics, plans, rows: store })).toThrow(
      'createQuota: plans: plan "free" has no limit for metric "deals"',
    );
    expect(() => createQuota({ metrics, plans: plansOf(undefined), rows: store })).toThrow(
      'createQuota: plans: plan "free" has no limit for metric "contacts"',
    );
  });

  it("names the plan and the limit without a metric", () => {
    const plans = plansOf({ contacts: hard(1), deals: hard(1), contcats: hard(2) });
    expect(() => createQuota({ metrics, plans, rows: store })).toThrow(
      'createQuota: plans: plan "free" has a limit for unknown metric "contcats", known: contacts, deals',
    );
  });

  it("rejects later plans that do not fit, and keeps the current ones", () => {
    const plans = plansOf({ contacts: hard(1), deals: hard(1) });
    createQuota({ metrics, plans, rows: store });
    expect(() => plans.replace(definePlans({ free: { quota: { contacts: hard(2) } } }))).toThrow(
      'createQuota: plans: plan "free" has no limit for metric "deals"',
    );
    expect(plans.plans.find("free")?.quota?.["contacts"]?.limit).toBe(1);
  });

  it("names the metric that has no store", () => {
    const plans = plansOf({ contacts: hard(1), tokens: hard(1) });
    const mixed = { contacts: rows(), tokens: usage({ per: "month" }) };
    expect(() => createQuota({ metrics: mixed, plans })).toThrow(
      'rows: expected a store for metric "contacts", got none',
    );
    expect(() => createQuota({ metrics: mixed, plans, rows: store })).toThrow(
      'usage: expected a store for metric "tokens", got none',
    );
    expect(() => createQuota({ metrics: mixed, plans, rows: store, usage: memoryUsage() })).toThrow(
      'subscription: expected a function for metric "tokens", got none',
    );
    const once = { contacts: rows(), tokens: usage({ per: "forever" }) };
    expect(() => createQuota({ metrics: once, plans, rows: store, usage: memoryUsage() })).not.toThrow();
  });

  it("names the wrong option", () => {
    const plans = plansOf({ contacts: hard(1), deals: hard(1) });
    const wrong = { metrics, plans, rows: store, store } as never;
    expect(() => createQuota(wrong)).toThrow('createQuota: options: Unrecognized key: "store"');
    expect(() => createQuota({ metrics: {}, plans })).toThrow("metrics: expected at least one metric");
    expect(() => usage({ per: "minute" as "day" })).toThrow(
      'usage: per: expected "hour" to "year", "forever", or one of',
    );
    expect(() => rows({ count: 5 as never })).toThrow("rows: count: expected a function, got 5");
  });
});
