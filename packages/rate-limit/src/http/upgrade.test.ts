import { definePlans, type RateLimitRulesInput } from "@scale/core";
import { describe, expect, it } from "vitest";
import type { Decision, LimitStatus } from "../types.js";
import { upgradeFor } from "./upgrade.js";

const per15m = (limit: number) => ({ limit, window: "15m" }) as const;
const upgradeUrl = ({ to }: { to: string }) => `https://example.com/plans/${to}`;

const state = (name: string, limit: number, more: Partial<LimitStatus> = {}): LimitStatus => ({
  name,
  limit,
  burst: limit,
  windowMs: 900_000,
  algorithm: "gcra",
  shadow: false,
  remaining: 0,
  resetMs: 900_000,
  retryAfterMs: 1800,
  ...more,
});

const denial = (limits: readonly LimitStatus[], more: Partial<Decision> = {}): Decision => ({
  allowed: false,
  decidedBy: "store",
  plan: "free",
  group: undefined,
  cost: 1,
  limits,
  violated: limits.map(({ name }) => name),
  shadowed: [],
  retryAfterMs: 1800,
  ...more,
});

const plan = (rules: RateLimitRulesInput, groups: Record<string, RateLimitRulesInput> = {}) => ({
  rateLimit: { rules, groups },
});

describe("upgradeFor", () => {
  const plans = definePlans(
    { free: plan({ tenant: per15m(500) }), basic: plan({ tenant: per15m(2000) }), pro: plan({ tenant: per15m(5000) }) },
    { upgradeUrl },
  );

  it("names the smallest larger plan, its URL and its limits", () => {
    expect(upgradeFor(plans, denial([state("tenant", 500)]))).toEqual({
      from: "free",
      to: "basic",
      url: "https://example.com/plans/basic",
      limits: [{ name: "tenant", limit: 2000, windowMs: 900_000 }],
    });
  });

  it("is larger than the tenant's limits, which may exceed its plan", () => {
    expect(upgradeFor(plans, denial([state("tenant", 3000)]))?.to).toBe("pro");
    expect(upgradeFor(plans, denial([state("tenant", 5000)]))).toBeUndefined();
  });

  it("is undefined for the largest plan, an unknown one, an admitted request, and a denial by policy", () => {
    const one = [state("tenant", 500)];
    expect(upgradeFor(plans, denial(one, { plan: "pro" }))).toBeUndefined();
    expect(upgradeFor(plans, denial(one, { plan: "gone" }))).toBeUndefined();
    expect(upgradeFor(plans, denial(one, { allowed: true, violated: [] }))).toBeUndefined();
    expect(upgradeFor(plans, denial([], { decidedBy: "policy" }))).toBeUndefined();
  });
});

describe("upgradeFor: a larger limit", () => {
  const between = (larger: ReturnType<typeof plan>) =>
    definePlans({ free: plan({ tenant: per15m(500), user: per15m(60) }), pro: larger });
  const both = denial([state("tenant", 500), state("user", 60)]);

  it("is more under every rule that refused", () => {
    expect(upgradeFor(between(plan({ tenant: per15m(5000), user: per15m(60) })), both)).toBeUndefined();
    expect(upgradeFor(between(plan({ tenant: per15m(5000), user: per15m(61) })), both)?.limits).toHaveLength(2);
  });

  it("is a rule that the larger plan does not have, or only reports", () => {
    const tenant = [{ name: "tenant", limit: 5000, windowMs: 900_000 }];
    expect(upgradeFor(between(plan({ tenant: per15m(5000) })), both)?.limits).toEqual(tenant);
    const user = { ...per15m(1), shadow: true };
    expect(upgradeFor(between(plan({ tenant: per15m(5000), user })), both)?.limits).toEqual(tenant);
  });

  it("is a rule that is unlimited there", () => {
    const unlimited = between(plan({ tenant: "unlimited", user: per15m(600) }));
    expect(upgradeFor(unlimited, both)?.limits).toEqual([{ name: "user", limit: 600, windowMs: 900_000 }]);
    const jobs = denial([state("tenant", 2, { algorithm: "concurrency", windowMs: 60_000 })]);
    expect(upgradeFor(unlimited, jobs)).toMatchObject({ to: "pro", limits: [] });
  });

  it("is a higher rate, whatever the windows are", () => {
    const tenant = [state("tenant", 500)];
    const with1m = (limit: number) => between(plan({ tenant: { limit, window: "1m" } }));
    expect(upgradeFor(with1m(34), denial(tenant))?.limits).toEqual([{ name: "tenant", limit: 34, windowMs: 60_000 }]);
    expect(upgradeFor(with1m(33), denial(tenant))).toBeUndefined();
  });

  it("admits the cost at once, and for a cost above the burst a larger burst is enough", () => {
    const tenant = (burst: number, limit = 500) => between(plan({ tenant: { ...per15m(limit), burst } }));
    const never = denial([state("tenant", 500, { retryAfterMs: Infinity })], { cost: 40, retryAfterMs: Infinity });
    expect(upgradeFor(tenant(39), never)).toBeUndefined();
    expect(upgradeFor(tenant(40), never)?.to).toBe("pro");
    expect(upgradeFor(tenant(39, 5000), denial([state("tenant", 500)], { cost: 40 }))).toBeUndefined();
  });

  it("is more slots for slots, and nothing else", () => {
    const jobs = denial([state("tenant", 2, { algorithm: "concurrency", windowMs: 60_000 })]);
    const slots = (limit: number) => between(plan({ tenant: { algorithm: "concurrency", limit } }));
    expect(upgradeFor(slots(2), jobs)).toBeUndefined();
    expect(upgradeFor(slots(3), jobs)?.limits).toEqual([{ name: "tenant", limit: 3 }]);
    expect(upgradeFor(between(plan({ tenant: per15m(5000) })), jobs)).toBeUndefined();
  });
});

describe("upgradeFor: groups", () => {
  const ai = denial([state("ai.tenant", 20)], { group: "ai" });
  const own = { tenant: per15m(500) };

  it("looks a rule up in its group, and leaves out a plan without the group", () => {
    const plans = definePlans({
      free: plan(own, { ai: { tenant: per15m(20) } }),
      // More of the rule of the same name outside of the group.
      basic: plan({ tenant: per15m(9000) }),
      pro: plan(own, { ai: { tenant: per15m(200) } }),
    });
    expect(upgradeFor(plans, ai)).toMatchObject({ to: "pro", limits: [{ name: "ai.tenant", limit: 200 }] });
  });

  it("counts a group whose rule is gone as not limiting", () => {
    const plans = definePlans({ free: plan(own, { ai: { tenant: per15m(20) } }), pro: plan(own, { ai: {} }) });
    expect(upgradeFor(plans, ai)).toEqual({ from: "free", to: "pro", limits: [] });
  });
});
