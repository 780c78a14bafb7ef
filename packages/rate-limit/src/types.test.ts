import { createPlanResolver, definePlans, type PlanInput } from "@scale/core";
import { describe, expect, it } from "vitest";
import { rateLimit } from "./express.js";
import { rateLimit as route } from "./fetch.js";
import { rateLimitGuard } from "./http/guard.js";
import { createRateLimiter } from "./limiter.js";
import { createEnforce } from "./next/index.js";

const tenant = { limit: 5, window: "1m" } as const;
const free: PlanInput<"ai"> = { rateLimit: { rules: { tenant }, groups: { ai: { tenant } } } };
const plans = definePlans({
  free: { rateLimit: { rules: { tenant }, groups: { ai: { tenant } } } },
  pro: { rateLimit: { rules: { tenant }, groups: { ai: { tenant }, upload: { tenant } } } },
});
const limiter = createRateLimiter({ plans: createPlanResolver({ plans, lookup: () => "free" }) });
const acme = { tenantId: "acme" };

describe("the groups of a typed plan file", () => {
  it("are known by name", async () => {
    expect(plans.groups).toEqual(["ai", "upload"]);
    expect((await limiter.check(acme, { group: "ai" })).allowed).toBe(true);
    for (const group of ["ai", "upload"] as const) rateLimitGuard(limiter, { group });
    expect(definePlans({ free }).groups).toEqual(["ai"]);
  });

  it("are the only ones that compile, and that a guard starts with", async () => {
    const message = 'rateLimitGuard: group: expected one of ai, upload, got "ia"';
    // @ts-expect-error -- no plan has this group
    expect(() => rateLimitGuard(limiter, { group: "ia" })).toThrow(message);
    // @ts-expect-error -- as above
    expect(() => rateLimit(limiter, { group: "ia" })).toThrow(message);
    // @ts-expect-error -- as above
    expect(() => route(limiter, () => new Response(), { group: "ia" })).toThrow(message);
    // @ts-expect-error -- as above
    expect(() => createEnforce({ plans }, { group: "ia" })).toThrow(message);
    // @ts-expect-error -- as above
    await expect(limiter.check(acme, { group: "ia" })).rejects.toMatchObject({ code: "SCALE_PLAN" });
    // @ts-expect-error -- as above
    await expect(limiter.peek(acme, { group: "ia" })).rejects.toMatchObject({ code: "SCALE_PLAN" });
  });

  it("are none for a limiter without plans", () => {
    const same = createRateLimiter({ rules: { ip: tenant } });
    // @ts-expect-error -- rules have no groups
    expect(() => rateLimitGuard(same, { group: "ai" })).toThrow("expected no group for a limiter without plans");
  });

  it("may be a string where the plans are not typed", () => {
    const untyped: Record<string, PlanInput> = { free };
    const resolver = createPlanResolver({ plans: definePlans(untyped), lookup: () => "free" });
    const group: string = "ai";
    expect(rateLimitGuard(createRateLimiter({ plans: resolver }), { group })).toBeTypeOf("function");
  });
});
