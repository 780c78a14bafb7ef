import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { contextLeaks } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { createSharedTimer } from "./deadline.js";
import { planFallback } from "./plan/events.js";
import { definePlans } from "./plan/define.js";
import { createPlanResolver } from "./plan/resolver.js";
import { createBatcher } from "./redis/batcher.js";
import { inRootContext } from "./root-context.js";
import { type TenantContext, tenancy } from "./tenancy.js";

describe("inRootContext", () => {
  it("runs work, and what it starts, without the tenant and the storages of the caller, and leaves the caller's own", async () => {
    const trace = new AsyncLocalStorage<string>();
    const seen = await trace.run("t1", () =>
      tenancy.run({ tenantId: "acme" }, async () => {
        const later = inRootContext(async () => {
          const before = [tenancy.current(), trace.getStore()];
          await turn();
          return [...before, tenancy.current(), trace.getStore()];
        });
        return [...(await later), tenancy.current()?.tenantId, trace.getStore()];
      }),
    );
    expect(seen).toEqual([undefined, undefined, undefined, undefined, "acme", "t1"]);
  });

  it("returns the result, and throws what the work throws", () => {
    expect(inRootContext(() => 5)).toBe(5);
    const fail = (): never => {
      throw new Error("no");
    };
    expect(() => inRootContext(fail)).toThrow("no");
  });

  it("keeps nothing of a storage that the work enters", () => {
    const trace = new AsyncLocalStorage<string>();
    inRootContext(() => trace.enterWith("t1"));
    expect(inRootContext(() => trace.getStore())).toBeUndefined();
  });
});

describe("what tenants share runs in the context of none of them", () => {
  it("a timer", async () => {
    const timer = createSharedTimer(2);
    const leaks = contextLeaks({
      tenancy,
      first: () => new Promise<void>((resolve) => timer.add(resolve)),
      second: (look) =>
        new Promise<void>((resolve) =>
          timer.add(() => {
            look("the timer");
            resolve();
          }),
        ),
    });
    expect(await leaks).toEqual([]);
  });

  it("a batch, while a single item keeps its own", async () => {
    const seen: [size: number, tenantId: string | undefined][] = [];
    const batcher = createBatcher<string>({
      send: (batch) => seen.push([batch.length, tenancy.current()?.tenantId]),
      maxItems: 10,
      schedule: setImmediate,
    });
    const add = (tenantId: string) => tenancy.run({ tenantId }, () => batcher.add("", tenantId));
    add("first");
    await turn();
    add("first");
    add("second");
    await turn();
    expect(seen).toEqual([
      [1, "first"],
      [2, undefined],
    ]);
  });

  it("a lookup of a plan, which runs for the tenant whose plan it is", async () => {
    const seen: (TenantContext | undefined)[] = [];
    const resolver = createPlanResolver({
      plans: definePlans({ free: {} }),
      fallback: "free",
      async lookup() {
        seen.push(tenancy.current());
        throw new Error("down");
      },
    });
    const leaks = await contextLeaks({
      tenancy,
      events: [planFallback.name],
      first: () => tenancy.run({ tenantId: "first", userId: "u1" }, () => resolver.resolve("second")),
      second: () => resolver.resolve("second"),
    });
    expect([leaks, seen]).toEqual([[], [{ tenantId: "second" }]]);
  });
});
