import { createPlanResolver, definePlans } from "@scale/core";
import { describe, expect, it } from "vitest";
import { storeWith } from "../../test/store-with.js";
import { createRateLimiter } from "../limiter.js";

const down = storeWith(() => Promise.reject(new Error("down")));
const ann = { tenantId: "acme", userId: "ann" };
const user = { limit: 2, window: "1h" } as const;

describe("a store that fails, and rules with policies of their own", () => {
  it("denies when the policy of one rule is deny", async () => {
    const rules = { tenant: { limit: 5, window: "1h", whenStoreFails: "deny" }, user } as const;
    const limiter = createRateLimiter({ rules, store: down, whenStoreFails: "allow" });
    expect(await limiter.check(ann)).toMatchObject({ allowed: false, decidedBy: "policy" });
    // The rule that denies counts tenants; this request has only an address.
    const byIp = createRateLimiter({
      rules: { user: { ...user, whenStoreFails: "deny", whenSubjectMissing: "skip" }, ip: user },
      store: down,
      whenStoreFails: "allow",
    });
    expect(await byIp.check({ tenantId: "acme", ip: "192.0.2.1" })).toMatchObject({
      allowed: true,
      decidedBy: "policy",
    });
  });

  it("throws when the policy of one rule is throw, even if another is deny", async () => {
    const rules = { tenant: { limit: 5, window: "1h", whenStoreFails: "throw" }, user } as const;
    const limiter = createRateLimiter({ rules, store: down, whenStoreFails: "deny" });
    await expect(limiter.check(ann)).rejects.toMatchObject({ code: "SCALE_STORE" });
  });

  it("decides by the local shares, and leaves out rules that allow", async () => {
    const rules = { tenant: { limit: 1, window: "1h", whenStoreFails: "allow" }, user } as const;
    const limiter = createRateLimiter({ rules, store: down, whenStoreFails: "local", instances: 1 });
    const decisions = [await limiter.check(ann), await limiter.check(ann), await limiter.check(ann)];
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, true, false]);
    expect(decisions[2]).toMatchObject({ decidedBy: "local", violated: ["user"], limits: [{ name: "user" }] });
  });

  it("blocks no subject by a local share, which denies sooner than the limit", async () => {
    const rules = { user: { limit: 1, window: "1h", block: { duration: "1d" } } } as const;
    const failing = storeWith(() => Promise.reject(new Error("down")), { blocks: true });
    const limiter = createRateLimiter({ rules, store: failing, whenStoreFails: "local", instances: 1 });
    await limiter.check(ann);
    const { allowed, limits, retryAfterMs } = await limiter.check(ann);
    expect({ allowed, blocked: limits[0]?.blocked }).toEqual({ allowed: false, blocked: undefined });
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
    expect(() => createRateLimiter({ rules, store: down })).toThrow(
      /store: expected one that blocks subjects, for rule "user"/,
    );
  });

  it("never denies or throws by a rule in shadow", async () => {
    const rules = { tenant: { limit: 5, window: "1h", whenStoreFails: "throw", shadow: true }, user } as const;
    const limiter = createRateLimiter({ rules, store: down, whenStoreFails: "allow" });
    expect(await limiter.check(ann)).toMatchObject({ allowed: true, decidedBy: "policy" });
  });

  it("requires the number of instances when a rule of any plan has a local share", () => {
    const rule = { limit: 5, window: "1h", whenStoreFails: "local" } as const;
    const group = definePlans({ free: { rateLimit: { rules: { user }, groups: { ai: { tenant: rule } } } } });
    const plans = createPlanResolver({ plans: group, lookup: () => "free" });
    for (const rules of [{ plans }, { rules: { tenant: rule } }]) {
      expect(() => createRateLimiter({ ...rules, store: down })).toThrow(/instances: .*rule "tenant".*got undefined/);
      expect(() => createRateLimiter({ ...rules, store: down, instances: 2 })).not.toThrow();
    }
  });
});

describe("a subject without a tenant", () => {
  it("is counted by its address, apart from a tenant of that name", async () => {
    const limiter = createRateLimiter({ rules: { ip: { limit: 1, window: "1h" } } });
    const ip = "192.0.2.1";
    expect((await limiter.check({ ip })).allowed).toBe(true);
    expect((await limiter.check({ ip })).allowed).toBe(false);
    expect((await limiter.check({ tenantId: ip, ip })).allowed).toBe(true);
    expect((await limiter.check({ ip: "192.0.2.2" })).allowed).toBe(true);
  });

  it("throws when a rule counts tenants, or the user it has, instead of leaving the rule out", async () => {
    const ip = "192.0.2.1";
    const tenants = createRateLimiter({
      rules: { tenant: { limit: 1, window: "1h" }, ip: { limit: 1, window: "1h" } },
    });
    await expect(tenants.check({ ip })).rejects.toMatchObject({ code: "SCALE_TENANT" });
    const users = createRateLimiter({ rules: { user, ip: { limit: 1, window: "1h" } } });
    await expect(users.check({ ip, userId: "ann" })).rejects.toThrow(/rule "user" counts users/);
    await expect(users.check({ ip })).rejects.toMatchObject({ code: "SCALE_SUBJECT", by: "user" });
    await expect(users.check({})).rejects.toMatchObject({ code: "SCALE_SUBJECT", status: 400 });
    const plans = createPlanResolver({
      plans: definePlans({ free: { rateLimit: { rules: { ip: { limit: 1, window: "1h" } } } } }),
      lookup: () => "free",
    });
    await expect(createRateLimiter({ plans }).check({ ip })).rejects.toMatchObject({ code: "SCALE_TENANT" });
  });

  it("throws for an invalid id", async () => {
    const skip = { whenSubjectMissing: "skip" } as const;
    const limiter = createRateLimiter({
      rules: { user: { ...user, ...skip }, ip: { limit: 9, window: "1h", ...skip } },
    });
    for (const subject of [{ userId: "" }, { ip: "" }, { userId: 5 as never }, { userId: "x".repeat(1025) }]) {
      await expect(limiter.check({ tenantId: "acme", ...subject })).rejects.toMatchObject({ code: "SCALE_TENANT" });
    }
  });
});
