import { describe, expect, it } from "vitest";
import { seededTenants } from "./db/seed.js";
import { plans } from "./scale.plan.js";

describe("the plans", () => {
  it.each([
    ["free", 500],
    ["basic", 2000],
    ["professional", 5000],
    ["enterprise", 20_000],
  ])("give a tenant on %s %d requests in 15 minutes", (name, limit) => {
    const tenant = plans.resolve(name).rateLimit?.rules.find((rule) => rule.name === "tenant");
    expect(tenant).toMatchObject({ limit, windowMs: 900_000, by: "tenant" });
  });

  it("are all used by the 50 tenants", () => {
    expect(new Set(seededTenants.map(({ id }) => id)).size).toBe(50);
    expect(new Set(seededTenants.map(({ plan }) => plan))).toEqual(new Set(plans.names));
  });
});
