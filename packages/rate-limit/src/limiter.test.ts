import { createPlanResolver, definePlans, type PlanAssignment, tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { requestDecide, storeFail } from "./events.js";
import { createRateLimiter } from "./limiter.js";
import { memoryStore } from "./memory/store.js";
import type { RateLimiterOptions } from "./options.js";
import type { Decision, RateLimitSubject } from "./types.js";
import { storeWith } from "../test/store-with.js";

const plans = definePlans({
  free: {
    rateLimit: {
      rules: {
        tenant: { limit: 5, window: "1m" },
        user: { limit: 3, window: "1m", whenSubjectMissing: "skip" },
        ip: { limit: 4, window: "1m", whenSubjectMissing: "skip" },
      },
      groups: { ai: { tenant: { limit: 2, window: "1m" } } },
    },
  },
  pro: { rateLimit: { rules: { tenant: { limit: 50, window: "1m" } } } },
});

function setup(options: Partial<RateLimiterOptions> = {}) {
  const clock = createManualClock();
  const assigned = new Map<string, PlanAssignment>([
    ["acme", "free"],
    ["big", "pro"],
  ]);
  const resolver = createPlanResolver({ plans, lookup: (id) => assigned.get(id), clock });
  const limiter = createRateLimiter({
    plans: resolver,
    store: memoryStore({ clock }),
    ...options,
  } as RateLimiterOptions);
  return { clock, assigned, resolver, limiter };
}

const names = (decision: Decision): string[] => decision.limits.map(({ name }) => name);

describe("createRateLimiter", () => {
  it("decides tenant, user and address together, and names the rule that refused", async () => {
    const { limiter } = setup();
    const ann = { tenantId: "acme", userId: "ann", ip: "192.0.2.1" };
    for (let i = 0; i < 3; i++) expect((await limiter.check(ann)).allowed).toBe(true);
    const denied = await limiter.check(ann);
    expect(denied).toMatchObject({
      allowed: false,
      decidedBy: "store",
      plan: "free",
      violated: ["user"],
      retryAfterMs: 20_000,
    });
    expect(denied.limits).toMatchObject([
      { name: "tenant", limit: 5, windowMs: 60_000, remaining: 2, resetMs: 36_000, retryAfterMs: 0 },
      { name: "user", limit: 3, windowMs: 60_000, remaining: 0, resetMs: 60_000, retryAfterMs: 20_000 },
      { name: "ip", limit: 4, windowMs: 60_000, remaining: 1, resetMs: 45_000, retryAfterMs: 0 },
    ]);
  });

  it("charges nothing to the tenant rule when the user rule denies", async () => {
    const { limiter } = setup();
    for (let i = 0; i < 500; i++) await limiter.check({ tenantId: "acme", userId: "ann" });
    expect((await limiter.check({ tenantId: "acme", userId: "bob" }, { cost: 2 })).allowed).toBe(true);
  });

  it("leaves out the rules whose subject is missing, where they say so", async () => {
    const { limiter } = setup();
    expect(names(await limiter.check({ tenantId: "acme" }))).toEqual(["tenant"]);
    expect(names(await limiter.check({ tenantId: "acme", ip: "192.0.2.1" }))).toEqual(["tenant", "ip"]);
  });

  it("rejects when no rule applies, because that would be no limit", async () => {
    const user = { limit: 1, window: "1m", whenSubjectMissing: "skip" } as const;
    const limiter = createRateLimiter({ rules: { user } });
    await expect(limiter.check({ tenantId: "acme" })).rejects.toMatchObject({ code: "SCALE_PLAN" });
  });

  it("denies a subject that a rule cannot count, also for a cost of 0, and in every call that admits", async () => {
    const limiter = createRateLimiter({
      rules: { tenant: { limit: 9, window: "1m" }, account: { limit: 1, window: "1m", by: "email" } },
    });
    const without = [{ tenantId: "acme" }, { tenantId: "acme", keys: {} }, { tenantId: "acme", keys: { email: null } }];
    const denied = {
      code: "SCALE_SUBJECT",
      status: 400,
      by: "email",
      message: expect.stringContaining('the key "email"'),
    };
    for (const subject of without) {
      await expect(limiter.check(subject)).rejects.toMatchObject(denied);
      await expect(limiter.check(subject, { cost: 0 })).rejects.toMatchObject(denied);
      await expect(limiter.acquire(subject)).rejects.toMatchObject(denied);
    }
    const { limits } = await limiter.peek({ tenantId: "acme" });
    expect(limits.map(({ name, remaining }) => [name, remaining])).toEqual([["tenant", 9]]);
    await limiter.reset({ tenantId: "acme" });
  });

  it("counts subjects without an id together, apart from every id, and those of each tenant by themselves", async () => {
    const user = { limit: 2, window: "1m", whenSubjectMissing: "shared" } as const;
    const ip = { limit: 1, window: "1m", whenSubjectMissing: "shared" } as const;
    const limiter = createRateLimiter({ rules: { user } });
    const allowed = async (subject: RateLimitSubject) => (await limiter.check(subject)).allowed;
    expect([await allowed({ tenantId: "a" }), await allowed({ tenantId: "a", userId: null })]).toEqual([true, true]);
    expect(await allowed({ tenantId: "a" })).toBe(false);
    expect(await allowed({ tenantId: "b" })).toBe(true);
    expect(await allowed({ tenantId: "a", userId: "~shared" })).toBe(true);
    const addresses = createRateLimiter({ rules: { ip } });
    expect([(await addresses.check({})).allowed, (await addresses.check({})).allowed]).toEqual([true, false]);
    expect((await addresses.check({ ip: "192.0.2.1" })).allowed).toBe(true);
  });

  it("leaves a rule in shadow out, which never denies", async () => {
    const limiter = createRateLimiter({
      rules: { tenant: { limit: 9, window: "1m" }, user: { limit: 1, window: "1m", shadow: true } },
    });
    expect(names(await limiter.check({ tenantId: "acme" }))).toEqual(["tenant"]);
  });

  it("adds the rules of a group, counted separately from the plan's own", async () => {
    const { limiter } = setup();
    const ai = () => limiter.check({ tenantId: "acme" }, { group: "ai" });
    expect(names(await ai())).toEqual(["tenant", "ai.tenant"]);
    await ai();
    expect(await ai()).toMatchObject({ allowed: false, violated: ["ai.tenant"] });
    expect((await limiter.check({ tenantId: "acme" })).allowed).toBe(true);
    await expect(limiter.check({ tenantId: "big" }, { group: "ai" })).rejects.toMatchObject({
      code: "SCALE_PLAN",
      status: 403,
    });
    await expect(limiter.check({ tenantId: "acme" }, { group: "constructor" })).rejects.toMatchObject({
      code: "SCALE_PLAN",
    });
  });

  it("applies a changed plan in the middle of a window, and keeps the usage", async () => {
    const { limiter, assigned, resolver } = setup();
    await limiter.check({ tenantId: "acme" }, { cost: 5 });
    expect((await limiter.check({ tenantId: "acme" })).allowed).toBe(false);
    assigned.set("acme", "pro");
    resolver.invalidate("acme");
    expect(await limiter.check({ tenantId: "acme" })).toMatchObject({
      allowed: true,
      plan: "pro",
      limits: [{ remaining: 44 }],
    });
  });

  it("rejects for a tenant without a plan", async () => {
    const { limiter } = setup();
    await expect(limiter.check({ tenantId: "nobody" })).rejects.toMatchObject({ code: "SCALE_PLAN", status: 403 });
  });

  it("separates tenants with hostile ids", async () => {
    const limiter = createRateLimiter({ rules: { tenant: { limit: 1, window: "1m" } } });
    const ids = ["a:b", "a", "*", "{}", "a\u0001b", "__proto__", "constructor", "x".repeat(1024), "а"];
    for (const tenantId of ids) expect((await limiter.check({ tenantId })).allowed, tenantId).toBe(true);
    for (const tenantId of ids) expect((await limiter.check({ tenantId })).allowed, tenantId).toBe(false);
    for (const tenantId of ["", "x".repeat(1025), undefined, 5, "a\0", "\ud800", "a\udc00"]) {
      await expect(limiter.check({ tenantId: tenantId as string })).rejects.toMatchObject({ code: "SCALE_TENANT" });
    }
  });

  it("throws for a cost that is not an integer >= 0", async () => {
    const { limiter } = setup();
    for (const cost of [-1, 0.5, Number.NaN, Infinity, "1" as never, 2 ** 53]) {
      await expect(limiter.check({ tenantId: "acme" }, { cost })).rejects.toThrow(TypeError);
    }
  });

  it("counts per limiter name on a shared store", async () => {
    const store = memoryStore();
    const rules = { tenant: { limit: 1, window: "1m" } } as const;
    const [a, b] = ["a", "b"].map((name) => createRateLimiter({ name, store, rules }));
    expect((await a?.check({ tenantId: "acme" }))?.allowed).toBe(true);
    expect((await b?.check({ tenantId: "acme" }))?.allowed).toBe(true);
    expect((await a?.check({ tenantId: "acme" }))?.allowed).toBe(false);
  });

  it("publishes no address and no key as the tenant of a decision", async () => {
    const seen: unknown[] = [];
    const stops = [
      requestDecide.subscribe(({ tenantId }) => seen.push(tenantId)),
      storeFail.subscribe(({ tenantId }) => seen.push(tenantId)),
    ];
    const rule = { limit: 1, window: "1m" } as const;
    const down = storeWith(() => Promise.reject(new Error("down")));
    for (const store of [memoryStore(), down]) {
      const limiter = createRateLimiter({ rules: { ip: rule }, store, whenStoreFails: "deny" });
      await limiter.check({ ip: "192.0.2.1" });
      await limiter.check({ tenantId: "acme", ip: "192.0.2.1" });
      const key = createRateLimiter({ rules: { key: { ...rule, by: "apiKey" } }, store, whenStoreFails: "deny" });
      await key.check({ keys: { apiKey: "s3cret" } });
    }
    for (const stop of stops) stop();
    const failed = [undefined, undefined, "acme", "acme", undefined, undefined];
    expect(seen).toEqual([undefined, "acme", undefined, ...failed]);
  });

  it("publishes every decision", async () => {
    const { limiter } = setup();
    const seen: unknown[] = [];
    const leave = requestDecide.subscribe((event) => seen.push(event));
    await tenancy.run({ tenantId: "acme" }, () => limiter.check(tenancy.require(), { group: "ai", cost: 2 }));
    leave();
    expect(seen).toMatchObject([
      { limiter: "api", tenantId: "acme", group: "ai", decision: { allowed: true, cost: 2 } },
    ]);
  });

  it("names the option and the value of every mistake", () => {
    const make = (options: object) => () => createRateLimiter(options as RateLimiterOptions);
    const rules = { tenant: { limit: 1, window: "1m" } };
    expect(make({})).toThrow(/either plans or rules/);
    expect(make({ rules, windwMs: 1 })).toThrow(/createRateLimiter: .*"windwMs"/);
    expect(make({ rules: { tenant: { limit: 0, window: "1m" } } })).toThrow(/limit.*got 0/);
    expect(make({ rules, whenStoreFails: "local" })).toThrow(/instances/);
    expect(make({ rules, whenStoreFails: "open" })).toThrow(/whenStoreFails.*got "open"/);
    expect(make({ rules, store: {} })).toThrow(/store: .*consume/);
    expect(make({ rules, name: "a b" })).toThrow(/name.*got "a b"/);
    const without = createPlanResolver({ plans: definePlans({ free: {} }), lookup: () => "free" });
    expect(make({ plans: without })).toThrow(/plan "free" has no rateLimit/);
  });
});

describe("createRateLimiter with a store that fails", () => {
  const rejects = storeWith(() => Promise.reject(new Error("ECONNRESET")));
  const throws = storeWith(() => {
    throw new Error("ECONNRESET");
  });
  const hangs = storeWith(() => new Promise(() => undefined));
  const rules = { tenant: { limit: 10, window: "1m" } } as const;

  it.each([
    ["rejects", rejects],
    ["throws", throws],
    ["hangs", hangs],
  ])("follows the failure policy when it %s", async (_how, store) => {
    const check = (whenStoreFails: "allow" | "deny" | "throw") =>
      createRateLimiter({ rules, store, whenStoreFails, timeoutMs: 5 }).check({ tenantId: "acme" });
    expect(await check("allow")).toMatchObject({ allowed: true, decidedBy: "policy", limits: [] });
    expect(await check("deny")).toMatchObject({ allowed: false, decidedBy: "policy", retryAfterMs: 1000 });
    await expect(check("throw")).rejects.toMatchObject({ code: "SCALE_STORE", cause: expect.anything() });
  });

  it("reports every failure to the callback and to the channel", async () => {
    const errors: unknown[] = [];
    const events: unknown[] = [];
    const leave = storeFail.subscribe((event) => events.push(event));
    const limiter = createRateLimiter({
      rules,
      store: rejects,
      whenStoreFails: "allow",
      onStoreError: (e) => errors.push(e),
    });
    await limiter.check({ tenantId: "acme" });
    leave();
    expect(errors).toEqual([new Error("ECONNRESET")]);
    expect(events).toMatchObject([{ limiter: "api", tenantId: "acme", error: errors[0] }]);
  });

  it("applies a deadline to a promise, even of a store that declares synchronous results", async () => {
    const store = storeWith(() => new Promise(() => undefined), { settlesWithinMs: 0 });
    const limiter = createRateLimiter({ rules, store, whenStoreFails: "allow", timeoutMs: 5 });
    expect(await limiter.check({ tenantId: "acme" })).toMatchObject({ decidedBy: "policy" });
  });

  it("treats an unsound result as a failure of the store", async () => {
    const one = { remaining: 1, resetMs: 0, retryAfterMs: 0 };
    const wrong = [
      undefined,
      null,
      {},
      { allowed: "no", statuses: [one] },
      { allowed: true, statuses: [] },
      { allowed: true, statuses: [null] },
      { allowed: true, statuses: [{ ...one, remaining: Number.NaN }] },
      { allowed: true, statuses: [{ ...one, resetMs: -5 }] },
    ];
    for (const answer of wrong) {
      const limiter = createRateLimiter({ rules, store: storeWith(() => answer), whenStoreFails: "deny" });
      expect(await limiter.check({ tenantId: "acme" })).toMatchObject({ allowed: false, decidedBy: "policy" });
    }
  });

  it("follows the policy whatever the callback does", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on("warning", note);
    const throwing = [
      () => {
        throw new Error("logger down");
      },
      () => Promise.reject(new Error("logger down later")),
    ];
    for (const onStoreError of throwing) {
      const limiter = createRateLimiter({ rules, store: rejects, whenStoreFails: "allow", onStoreError });
      expect((await limiter.check({ tenantId: "acme" })).allowed).toBe(true);
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", note);
    expect(warnings.map(({ message }) => message)).toEqual(["logger down", "logger down later"]);
  });

  it("admits this process's share by local, and not more", async () => {
    const limiter = createRateLimiter({ rules, store: rejects, whenStoreFails: "local", instances: 4 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => limiter.check({ tenantId: "acme" })));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(2);
    expect(answers[9]).toMatchObject({ decidedBy: "local", violated: ["tenant"] });
  });

  it("starts an outage with the rest of the share, not with a full one", async () => {
    const good = memoryStore();
    let down = false;
    const store = storeWith((request) => (down ? Promise.reject(new Error("down")) : good.consume(request)));
    const limiter = createRateLimiter({ rules, store, whenStoreFails: "local", instances: 1 });
    for (let i = 0; i < 7; i++) await limiter.check({ tenantId: "acme" });
    down = true;
    const answers = await Promise.all(Array.from({ length: 10 }, () => limiter.check({ tenantId: "acme" })));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(3);
  });
});
