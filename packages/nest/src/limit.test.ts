import { Controller, Get } from "@nestjs/common";
import { createPlanResolver, definePlans } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { authenticated, fromHeader, type HttpGuard, tenantGuard } from "@scale/http";
import { createRateLimiter, memoryStore } from "@scale/rate-limit";
import { rateLimitGuard } from "@scale/rate-limit/http";
import { describe, expect, it } from "vitest";
import { ScaleModule } from "./scale.module.js";
import { RateLimit, resolveNearest, SkipHttpGuards } from "./scale.decorators.js";
import type { RouteRateLimit, ScaleModuleOptions } from "./options.js";
import { create, express, platforms, start } from "../test/start.js";

const tenant = { limit: 100, window: "1m" } as const;
const plans = createPlanResolver({
  plans: definePlans({
    free: {
      rateLimit: {
        rules: { tenant },
        groups: {
          ai: { tenant: { ...tenant, limit: 10 } },
          jobs: { tenant: { limit: 1, algorithm: "concurrency" } },
        },
      },
    },
  }),
  lookup: () => "free",
});

let made = 0;
const optionsWith = (globalGuards: readonly string[]): ScaleModuleOptions => {
  made = 0;
  const limiter = createRateLimiter({ plans, store: memoryStore({ clock: createManualClock() }) });
  return {
    guards: { tenant: tenantGuard({ resolve: authenticated(fromHeader("x-tenant")) }), api: rateLimitGuard(limiter) },
    globalGuards,
    rateLimit: (options) => {
      made += 1;
      return rateLimitGuard(limiter, options);
    },
  };
};

@RateLimit()
@Controller("orders")
class OrdersController {
  @Get() list(): string {
    return "ok";
  }
  @RateLimit({ group: "ai", cost: 4 }) @Get("ask") ask(): string {
    return "ok";
  }
  @SkipHttpGuards() @Get("health") health(): string {
    return "ok";
  }
  @RateLimit({ group: "jobs" }) @Get("export") export(): string {
    return "ok";
  }
}

@Controller("more")
class MoreController extends OrdersController {}

const controllers = [OrdersController, MoreController];

describe.each(platforms)("@RateLimit on %s", (_, newAdapter) => {
  const serve = async (globalGuards: readonly string[]) => {
    const url = await start(newAdapter, { imports: [ScaleModule.forRoot(optionsWith(globalGuards))], controllers });
    return async (path: string): Promise<[number, string | null]> => {
      const { status, headers } = await fetch(`${url}/${path}`, { headers: { "x-tenant": "acme" } });
      const left = headers.get("ratelimit")?.match(/"[\w.]+";r=\d+/g);
      return [status, left?.join(" ") ?? null];
    };
  };

  it("limits the routes of a controller, and one route with its own options", async () => {
    const get = await serve(["tenant"]);
    expect(await get("orders")).toEqual([200, '"tenant";r=99']);
    expect(await get("more")).toEqual([200, '"tenant";r=98']);
    expect(await get("orders/ask")).toEqual([200, '"tenant";r=94 "ai.tenant";r=6']);
    expect(await get("orders/health")).toEqual([200, null]);
    expect(await get("orders/ask")).toEqual([200, '"tenant";r=90 "ai.tenant";r=2']);
    expect(await get("orders/ask")).toEqual([429, '"tenant";r=90 "ai.tenant";r=2']);
    // One guard for each decorator, also for inherited ones.
    expect(made).toBe(3);
  });

  it("charges only the rules of a group after the limiter has admitted the request", async () => {
    const get = await serve(["tenant", "api"]);
    expect(await get("orders/ask")).toEqual([200, '"tenant";r=99 "ai.tenant";r=6']);
  });

  it("frees the slot when the response has ended", async () => {
    const get = await serve(["tenant"]);
    for (let i = 0; i < 3; i++) expect((await get("orders/export"))[0]).toBe(200);
  });
});

describe("@RateLimit: wrong wiring", () => {
  const never: HttpGuard = () => ({});

  it("does not start without the option rateLimit, or with invalid options of the decorator", async () => {
    const bare = await create(express, { imports: [ScaleModule.forRoot({ guards: { never } })], controllers });
    await expect(bare.init()).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message: "@RateLimit: expected the option rateLimit of ScaleModule, got none",
    });
    @Controller()
    class WrongController {
      @RateLimit({ cost: -1 }) @Get() get(): string {
        return "never";
      }
    }
    const imports = [ScaleModule.forRoot(optionsWith([]))];
    const wrong = await create(express, { imports, controllers: [WrongController] });
    await expect(wrong.init()).rejects.toThrow("rateLimitGuard: cost");
    const not = ScaleModule.forRoot({ guards: {}, rateLimit: 7 as never });
    await expect(create(express, { imports: [not] })).rejects.toThrow("ScaleModule: rateLimit: expected a function");
  });

  it("throws when it is used twice on one controller", () => {
    const twice = () => {
      @RateLimit({ group: "ai" })
      @RateLimit({ group: "upload" })
      class TwiceController {}
      return TwiceController;
    };
    expect(twice).toThrow("@RateLimit: expected one on a route or controller, got two");
  });
});

describe("resolveNearest", () => {
  const limited = (limit: RouteRateLimit) => ({ use: [], skip: [], limit });
  const unlimited = { use: [], skip: ["api"] };
  const skipAll = { use: [], skip: "all" } as const;
  const ai = { group: "ai" };

  it("returns the options nearest to the route, unless everything is skipped", () => {
    expect(resolveNearest([unlimited, unlimited], "limit")).toBeUndefined();
    expect(resolveNearest([limited({}), limited(ai)], "limit")).toBe(ai);
    expect(resolveNearest([limited(ai), unlimited], "limit")).toBe(ai);
    expect(resolveNearest([limited(ai), skipAll], "limit")).toBeUndefined();
    expect(resolveNearest([skipAll, limited(ai)], "limit")).toBe(ai);
    expect(resolveNearest([limited({}), { ...skipAll, limit: ai }], "limit")).toBe(ai);
  });
});
