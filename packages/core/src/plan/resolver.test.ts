import { describe, expect, it } from "vitest";
import { ConfigError, PlanError } from "../errors.js";
import { createManualClock } from "../testing.js";
import { definePlans } from "./define.js";
import { type PlanFallback, planFallback } from "./events.js";
import { createPlanResolver } from "./resolver.js";
import type { PlanAssignment } from "./types.js";

const plansWith = (limit: number) =>
  definePlans({
    free: { rateLimit: { rules: { tenant: { limit, window: "15m" } } } },
    pro: { rateLimit: { rules: { tenant: { limit: limit * 10, window: "15m" } } } },
  });

function setup(options: { fallback?: "free" | "pro"; maxTenants?: number } = {}) {
  const clock = createManualClock();
  const answers = new Map<string, PlanAssignment | Error>([["acme", "pro"]]);
  const asked: string[] = [];
  const lookup = async (tenantId: string): Promise<PlanAssignment | undefined> => {
    asked.push(tenantId);
    const answer = answers.get(tenantId);
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const resolver = createPlanResolver({ plans: plansWith(500), lookup, clock, ttlMs: 1000, staleMs: 5000, ...options });
  return { clock, answers, asked, resolver };
}

/** Lets a background refresh settle. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("createPlanResolver", () => {
  it("shares one lookup between concurrent callers, then returns the plan without a promise", async () => {
    const { resolver, asked } = setup();
    const plans = await Promise.all([resolver.resolve("acme"), resolver.resolve("acme")]);
    expect(plans.map(({ name }) => name)).toEqual(["pro", "pro"]);
    expect(resolver.resolve("acme")).toMatchObject({ name: "pro" });
    expect(asked).toEqual(["acme"]);
  });

  it("refreshes in the background, and no caller waits", async () => {
    const { resolver, answers, clock } = setup();
    await resolver.resolve("acme");
    answers.set("acme", "free");
    clock.advance(1001);
    expect(resolver.resolve("acme")).toMatchObject({ name: "pro" });
    await settled();
    expect(resolver.resolve("acme")).toMatchObject({ name: "free" });
  });

  it("returns a changed plan at once after invalidate, even if a lookup was running", async () => {
    const { resolver, answers } = setup();
    const before = resolver.resolve("acme");
    answers.set("acme", "free");
    resolver.invalidate("acme");
    const after = resolver.resolve("acme");
    await before;
    expect((await after).name).toBe("free");
    expect(resolver.resolve("acme")).toMatchObject({ name: "free" });
  });

  it("applies replaced plans to known tenants without a new lookup", async () => {
    const { resolver, asked } = setup();
    await resolver.resolve("acme");
    resolver.replace(plansWith(700));
    expect(resolver.resolve("acme")).toMatchObject({ rateLimit: { rules: [{ limit: 7000 }] } });
    expect(asked).toEqual(["acme"]);
  });

  it("serves a stale answer while the lookup fails, for staleMs and no longer", async () => {
    const { resolver, answers, clock } = setup();
    const events: PlanFallback[] = [];
    const leave = planFallback.subscribe((event) => events.push(event));
    await resolver.resolve("acme");
    answers.set("acme", new Error("database down"));
    clock.advance(1001);
    void resolver.resolve("acme");
    await settled();
    expect(resolver.resolve("acme")).toMatchObject({ name: "pro" });
    expect(events).toMatchObject([{ tenantId: "acme", used: "stale" }]);
    clock.advance(5001);
    await expect(resolver.resolve("acme")).rejects.toThrow(PlanError);
    leave();
  });

  it("rejects for a failed lookup and an unknown plan, unless there is a fallback", async () => {
    const { resolver, answers } = setup();
    answers.set("down", new Error("database down")).set("gold", "gold-plated");
    await expect(resolver.resolve("down")).rejects.toMatchObject({ code: "SCALE_PLAN", status: 503 });
    await expect(resolver.resolve("gold")).rejects.toThrow(/unknown plan "gold-plated"/);
    await expect(resolver.resolve("nobody")).rejects.toMatchObject({ code: "SCALE_PLAN", status: 403 });
    const chosen = setup({ fallback: "free" });
    expect((await chosen.resolver.resolve("nobody")).name).toBe("free");
  });

  it("looks an unknown tenant up once a second, not with every request", async () => {
    const { resolver, asked, clock } = setup();
    for (let i = 0; i < 5; i++) await expect(resolver.resolve("nobody")).rejects.toThrow(PlanError);
    expect(asked).toHaveLength(1);
    clock.advance(1001);
    await expect(resolver.resolve("nobody")).rejects.toThrow(PlanError);
    expect(asked).toHaveLength(2);
  });

  it("forgets a tenant as soon as the application no longer has it", async () => {
    const { resolver, answers, clock } = setup();
    await resolver.resolve("acme");
    answers.delete("acme");
    clock.advance(1001);
    void resolver.resolve("acme");
    await settled();
    await expect(resolver.resolve("acme")).rejects.toThrow(PlanError);
  });

  it("rejects a lookup that hangs", async () => {
    const hangs = createPlanResolver({ plans: plansWith(1), lookup: () => new Promise(() => undefined), timeoutMs: 5 });
    await expect(hangs.resolve("acme")).rejects.toMatchObject({ cause: { code: "SCALE_TIMEOUT" } });
  });

  it("runs a bounded number of lookups at the same time, for made-up tenants too", async () => {
    let [running, most] = [0, 0];
    const lookup = async (): Promise<undefined> => {
      most = Math.max(most, ++running);
      await settled();
      running--;
      return undefined;
    };
    const resolver = createPlanResolver({ plans: plansWith(1), lookup, timeoutMs: 10_000, maxLookups: 8 });
    const madeUp = Array.from({ length: 400 }, (_, n) => resolver.resolve(`made-up-${n}`));
    const results = await Promise.allSettled(madeUp);
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    expect([most, running]).toEqual([8, 0]);
  });

  it("does not repeat a lookup that hangs, and does after 5 seconds", async () => {
    const clock = createManualClock();
    const asked: string[] = [];
    const lookup = (tenantId: string): Promise<"free"> => {
      asked.push(tenantId);
      return asked.length === 1 ? new Promise(() => undefined) : Promise.resolve("free");
    };
    const options = { timeoutMs: 5, clock, maxLookups: 1 };
    const resolver = createPlanResolver({ plans: plansWith(1), lookup, ...options });
    for (let i = 0; i < 4; i++) {
      await expect(resolver.resolve("acme")).rejects.toMatchObject({ cause: { code: "SCALE_TIMEOUT" } });
      clock.advance(1001);
    }
    expect(asked).toEqual(["acme"]);
    clock.advance(1001);
    expect(await resolver.resolve("acme")).toMatchObject({ name: "free" });
    expect(asked).toEqual(["acme", "acme"]);
  });

  it("looks up anew after an invalidation, although an older lookup hangs", async () => {
    const answers = [new Promise<"free">(() => undefined), Promise.resolve("pro" as const)];
    const lookup = () => answers.shift() ?? ("free" as const);
    const resolver = createPlanResolver({ plans: plansWith(1), lookup, timeoutMs: 5 });
    await expect(resolver.resolve("acme")).rejects.toThrow(PlanError);
    resolver.invalidate("acme");
    expect(await resolver.resolve("acme")).toMatchObject({ name: "pro" });
  });

  it("drops waiting lookups whose callers have given up", async () => {
    const clock = createManualClock();
    const asked: string[] = [];
    let answerFirst = (_plan: "free"): void => undefined;
    const lookup = (tenantId: string): Promise<"free"> | "free" => {
      asked.push(tenantId);
      return tenantId === "first" ? new Promise((resolve) => (answerFirst = resolve)) : "free";
    };
    const resolver = createPlanResolver({ plans: plansWith(1), lookup, timeoutMs: 20, clock, maxLookups: 1 });
    const both = Promise.allSettled([resolver.resolve("first"), resolver.resolve("second")]);
    expect((await both).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    clock.advance(21);
    answerFirst("free");
    await settled();
    expect(asked).toEqual(["first"]);
  });

  it("applies a tenant's overrides", async () => {
    const { resolver, answers } = setup();
    answers.set("own", { plan: "free", overrides: { rateLimit: { rules: { tenant: { limit: 7 } } } } });
    expect((await resolver.resolve("own")).rateLimit?.rules[0]?.limit).toBe(7);
  });

  it("keeps a bounded number of tenants", async () => {
    const { resolver, answers, asked } = setup({ maxTenants: 2 });
    for (const id of ["a", "b", "c"]) answers.set(id, "free");
    for (const id of ["a", "b", "c", "b", "c", "a"]) await resolver.resolve(id);
    expect(asked).toEqual(["a", "b", "c", "a"]);
  });

  it("evicts the least recently used tenant, also after the plans were replaced", async () => {
    const { resolver, answers, asked } = setup({ maxTenants: 2 });
    for (const id of ["a", "b", "c"]) answers.set(id, "free");
    for (const id of ["a", "b", "a"]) await resolver.resolve(id);
    resolver.replace(plansWith(700));
    for (const id of ["c", "a", "b"]) await resolver.resolve(id);
    expect(asked).toEqual(["a", "b", "c", "b"]);
  });

  it("allocates nothing for tenants that it has not seen", () => {
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    setup({ maxTenants: 10_000_000 });
    expect(process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed - before).toBeLessThan(20e6);
  });

  it("keeps the plans of real tenants under any number of made-up ids", async () => {
    const { resolver, asked } = setup({ maxTenants: 10 });
    await resolver.resolve("acme");
    for (let i = 0; i < 50; i++) await expect(resolver.resolve(`made-up-${i}`)).rejects.toThrow(PlanError);
    expect(resolver.resolve("acme")).toMatchObject({ name: "pro" });
    expect(asked.filter((tenantId) => tenantId === "acme")).toHaveLength(1);
  });

  it("reads null as no such tenant, and names any other answer that is not a plan", async () => {
    const answering = (answer: unknown) =>
      createPlanResolver({ plans: plansWith(1), lookup: () => answer as PlanAssignment }).resolve("acme");
    await expect(answering(null)).rejects.toMatchObject({ status: 403 });
    await expect(answering(42)).rejects.toThrow(/the plan lookup: expected a name.*got 42/);
    await expect(answering({})).rejects.toThrow(/got \{\}/);
  });

  it("throws and changes nothing when replacing plans lack one, or a check throws", async () => {
    const { resolver } = setup();
    await resolver.resolve("acme");
    const { free } = { free: { rateLimit: { rules: { tenant: { limit: 1, window: "1m" } } } } } as const;
    expect(() => resolver.replace(definePlans({ free }) as never)).toThrow(/missing: pro/);
    resolver.check((plans) => {
      if (plans.resolve("pro").rateLimit === undefined) throw new ConfigError("no limit");
    });
    expect(() => resolver.replace(definePlans({ free, pro: {} }))).toThrow("no limit");
    expect(resolver.resolve("acme")).toMatchObject({ name: "pro", rateLimit: { rules: [{ limit: 5000 }] } });
  });

  it("throws for a fallback that is not a plan, and for unknown options", () => {
    const lookup = (): PlanAssignment => "free";
    expect(() => createPlanResolver({ plans: plansWith(1), lookup, fallback: "gold" as "free" })).toThrow(
      /unknown plan "gold"/,
    );
    expect(() => createPlanResolver({ plans: plansWith(1), lookup, ttl: 5 } as never)).toThrow(ConfigError);
  });
});

describe("createPlanResolver: the names that a lookup returns", () => {
  const plans = definePlans({ free: {}, pro: {} }, { aliases: { FREE: "free" } });

  it("do not compile when they are literals of which no plan has the name", async () => {
    // @ts-expect-error -- no plan has this name
    const gold = createPlanResolver({ plans, lookup: () => "gold" });
    // @ts-expect-error -- as above
    const later = createPlanResolver({ plans, lookup: async (id) => (id === "acme" ? "gold" : "free") });
    // @ts-expect-error -- as above
    const withOverrides = createPlanResolver({ plans, lookup: () => ({ plan: "gold", overrides: {} }) });
    for (const resolver of [gold, later, withOverrides]) {
      await expect(resolver.resolve("acme")).rejects.toMatchObject({ code: "SCALE_PLAN" });
    }
  });

  it("compile when they are names of plans, strings of a database, or none", async () => {
    const row: { plan: string } | undefined = { plan: "FREE" };
    const found = [
      createPlanResolver({ plans, lookup: () => "free" }),
      createPlanResolver({ plans, lookup: async () => ({ plan: "FREE" }) }),
      createPlanResolver({ plans, lookup: async (id) => (id === "acme" ? "pro" : null) }),
      createPlanResolver({ plans, lookup: () => ({ plan: "pro", overrides: { pageSize: { max: 5 } } }) }),
      createPlanResolver({ plans, lookup: async () => row?.plan }),
      createPlanResolver({ plans, fallback: "free", lookup: () => undefined }),
    ];
    const names = await Promise.all(found.map(async (resolver) => (await resolver.resolve("acme")).name));
    expect(plans.aliases).toEqual(["FREE"]);
    expect(names).toEqual(["free", "free", "pro", "pro", "free", "free"]);
  });
});
