import { createPlanResolver, definePlans, type PlanAssignment } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { createCache, memoryFail } from "../index.js";
import { budgetsFromPlans } from "./plan-budgets.js";
import { createMemory } from "./create-memory.js";
import type { Entry } from "./types.js";

const plans = definePlans({
  free: { cache: { weight: 0.5, maxBytes: 100_000 } },
  pro: { cache: { weight: 4, maxBytes: "1MiB" } },
  other: {},
});
const entry: Entry = { value: 1, bytes: 1000, freshUntil: Infinity, usableUntil: Infinity, meta: undefined };

function setUp(lookup: (tenantId: string) => PlanAssignment | undefined | Promise<PlanAssignment>) {
  const clock = createManualClock();
  const resolver = createPlanResolver({ plans, lookup, clock });
  return { clock, resolver, budgets: budgetsFromPlans(resolver) };
}

describe("budgetsFromPlans", () => {
  it("returns the budget of the plan and the overrides of the tenant", async () => {
    const { resolver, budgets } = setUp((id) =>
      id === "own" ? { plan: "pro", overrides: { cache: { weight: 9 } } } : id,
    );
    for (const id of ["pro", "own", "other"]) await resolver.resolve(id);
    expect(budgets("pro")).toEqual({ weight: 4, maxBytes: 1024 ** 2 });
    expect(budgets("own")).toEqual({ weight: 9, maxBytes: 1024 ** 2 });
    expect(budgets("other")).toEqual({});
    expect(budgets("")).toEqual({});
  });

  it("returns the smallest budget of all plans until the plan of the tenant is known", async () => {
    const asked: string[] = [];
    const { budgets } = setUp(async (id) => {
      asked.push(id);
      return "pro";
    });
    expect(budgets("acme")).toEqual({ weight: 0.5, maxBytes: 100_000, validMs: 1000 });
    await expect.poll(() => budgets("acme")).toEqual({ weight: 4, maxBytes: 1024 ** 2 });
    expect(asked).toEqual(["acme"]);
  });

  it("returns the smallest budget when the look-up fails", async () => {
    const { budgets } = setUp((id) => {
      if (id === "broken") throw new Error("no database");
      return id === "gone" ? undefined : "gold";
    });
    for (const id of ["broken", "gone", "gold"]) {
      for (let again = 0; again < 3; again++) {
        expect(budgets(id)).toEqual({ weight: 0.5, maxBytes: 100_000, validMs: 1000 });
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  });

  it("is called again soon while the plan is unknown, and after a minute once it is known", async () => {
    const { clock, budgets, resolver } = setUp(async () => "pro");
    const memory = createMemory({ maxBytes: 10_000_000, budgets, clock });
    const write = (from: number) => {
      for (let i = 0; i < 500; i++) memory.tenant("acme").set("invoice", `${from + i}`, entry);
    };
    write(0);
    expect(memory.usage("acme")?.bytes).toBeLessThanOrEqual(100_000);
    await resolver.resolve("acme");
    clock.advance(1000);
    write(1000);
    expect(memory.usage("acme")).toMatchObject({ weight: 4 });
    expect(memory.usage("acme")!.bytes).toBeGreaterThan(500_000);
  });

  it("is accepted by createCache", async () => {
    const { budgets } = setUp(() => "pro");
    const cache = createCache({ memory: { maxBytes: 1_000_000, budgets } });
    expect(await cache.tenant("acme").getOrSet("a", () => 1, { ttl: "1m" })).toBe(1);
    expect(await cache.getOrSet("a", () => 2, { ttl: "1m" })).toBe(2);
  });
});

describe("budgets that throw", () => {
  it("cost the entry its place in memory, and no reader the value", async () => {
    const error = new Error("no plans");
    const failures: unknown[] = [];
    const stop = memoryFail.subscribe((failure) => failures.push(failure));
    const budgets = (): never => {
      throw error;
    };
    const cache = createCache({ memory: { maxBytes: 1_000_000, budgets } });
    const row = cache.define({ name: "row", key: (id: string) => id, ttl: "1m", load: (id) => id });
    const acme = cache.tenant("acme");
    expect(await acme.get(row, "a")).toBe("a");
    expect(await acme.set(row, { params: "a", value: "b" })).toEqual({ state: "applied" });
    expect(await acme.get(row, "a")).toBe("a");
    expect(failures).toEqual(Array.from({ length: 3 }, () => ({ tenantId: "acme", error })));
    stop();
  });
});
