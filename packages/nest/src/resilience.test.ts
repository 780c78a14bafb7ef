import { All, Controller, Get, NotFoundException, Param, Sse } from "@nestjs/common";
import { classifyHttp, createBreaker, createBreakers } from "@scale/breaker";
import { createManualClock } from "@scale/core/testing";
import { bool, createFlags, defineFlags, memorySource, oneOf } from "@scale/flags";
import { flagGuard } from "@scale/flags/http";
import { fromHeader, tenantGuard } from "@scale/http";
import { type Admitted, createShedder } from "@scale/shed";
import { degradationGuard, shedGuard } from "@scale/shed/http";
import { EMPTY, of } from "rxjs";
import { describe, expect, it, onTestFinished } from "vitest";
import { create, express, platforms, start } from "../test/start.js";
import type { ScaleModuleOptions } from "./options.js";
import { RequireFlag, Shed, SkipHttpGuards, UseBreaker, UseHttpGuards } from "./scale.decorators.js";
import { ScaleModule } from "./scale.module.js";

const tenant = tenantGuard({ resolve: fromHeader("x-tenant") });

/** Sends requests as a tenant. */
function clientOf(url: string) {
  return async (path: string, tenantId = "acme", init: RequestInit = {}) => {
    const response = await fetch(`${url}/${path}`, {
      ...init,
      headers: { "x-tenant": tenantId, ...(init.headers as Record<string, string>) },
    });
    const text = await response.text();
    return { status: response.status, retryAfter: response.headers.get("retry-after"), text };
  };
}

@Controller("work")
class WorkController {
  @Get() plain(): string {
    return "ok";
  }
  @Shed({ cost: 4 }) @Get("report") report(): string {
    return "ok";
  }
  @SkipHttpGuards() @Get("health") health(): string {
    return "ok";
  }
}

describe.each(platforms)("@Shed on %s", (_, newAdapter) => {
  async function serve(globalGuards: readonly string[], controllers = [WorkController]) {
    const shedder = createShedder({ concurrency: 4, maxWaitMs: 0, eventLoopDelayMs: false });
    onTestFinished(() => shedder.close());
    const options: ScaleModuleOptions = {
      guards: { tenant },
      globalGuards,
      shed: (route) => shedGuard(shedder, route),
    };
    const get = clientOf(await start(newAdapter, { imports: [ScaleModule.forRoot(options)], controllers }));
    const hold = async (cost: number) => (await shedder.admit({ tenantId: "other", cost })) as Admitted;
    return { get, hold, shedder };
  }

  it("sheds every route in the place of `shed`, with the cost of the route's decorator, once", async () => {
    const { get, hold, shedder } = await serve(["tenant", "shed"]);
    const one = await hold(1);
    expect((await get("work")).status).toBe(200);
    // A cost of 4 does not fit beside 1; charged twice, it would not fit at all.
    expect(await get("work/report")).toMatchObject({ status: 503, retryAfter: "1" });
    one.release();
    expect((await get("work/report")).status).toBe(200);
    const all = await hold(4);
    expect((await get("work")).status).toBe(503);
    expect((await get("work/health")).status).toBe(200);
    all.release();
    expect(shedder.stats()).toMatchObject({ inFlight: 0, tenants: 0 });
  });

  it("sheds the routes with a decorator alone, when `shed` is not global", async () => {
    const { get, hold } = await serve(["tenant"]);
    const all = await hold(4);
    expect((await get("work")).status).toBe(200);
    const refused = await get("work/report");
    expect(refused).toMatchObject({ status: 503, retryAfter: "1" });
    expect(JSON.parse(refused.text)).toMatchObject({ code: "SCALE_OVERLOAD" });
    all.release();
  });
});

const definitions = defineFlags({
  reports: bool({ default: true }),
  search: oneOf(["simple", "ranked"], { default: "simple" }),
});

@RequireFlag("reports")
@Controller("reports")
class ReportsController {
  @Get() list(): string {
    return "ok";
  }
  @RequireFlag("search", { is: "ranked" }) @Get("ranked") ranked(): string {
    return "ranked";
  }
  @SkipHttpGuards() @Get("open") open(): string {
    return "open";
  }
}

describe.each(platforms)("@RequireFlag on %s", (_, newAdapter) => {
  it("answers while the flags of controller and route have their values for the tenant", async () => {
    const flags = createFlags({ flags: definitions, source: memorySource() });
    onTestFinished(() => flags.close());
    const options: ScaleModuleOptions = {
      guards: { tenant },
      globalGuards: ["tenant"],
      requireFlag: (key, { is }) => flagGuard(flags, key, { is }),
    };
    const url = await start(newAdapter, { imports: [ScaleModule.forRoot(options)], controllers: [ReportsController] });
    const get = clientOf(url);
    const by = { by: "ann" };
    expect((await get("reports")).status).toBe(200);
    expect((await get("reports/ranked")).status).toBe(404);
    await flags.set("search", { rules: [{ tenants: ["acme"], value: "ranked" }] }, by);
    expect(await get("reports/ranked")).toMatchObject({ status: 200, text: "ranked" });
    expect((await get("reports/ranked", "birch")).status).toBe(404);
    await flags.kill("reports", by);
    expect(await get("reports/ranked")).toMatchObject({ status: 503, retryAfter: "30" });
    expect((await get("reports/open")).status).toBe(200);
  });
});

let handled = 0;

@UseBreaker("rates")
@Controller("rates")
class RatesController {
  @Get("ok") ok(): unknown {
    handled++;
    return of(1, 2);
  }
  @Get("none") none(): unknown {
    return EMPTY;
  }
  @Get("fail") fail(): never {
    handled++;
    throw new Error("down");
  }
  @Get("missing") missing(): never {
    throw new NotFoundException();
  }
  @UseBreaker("shops") @Get("shops/:outcome") shop(@Param("outcome") outcome: string): string {
    if (outcome === "fail") throw new Error("down");
    return outcome;
  }
}

describe.each(platforms)("@UseBreaker on %s", (_, newAdapter) => {
  async function serve() {
    const clock = createManualClock();
    const options = { consecutiveFailures: 3, open: { baseMs: 2000, jitter: 0 }, classify: classifyHttp, clock };
    const [rates, shops] = [
      createBreaker({ name: "rates", ...options }),
      createBreakers({ name: "shops", ...options }),
    ];
    const module = ScaleModule.forRoot({
      guards: { tenant },
      globalGuards: ["tenant"],
      breakers: { rates, shops },
    });
    const url = await start(newAdapter, { imports: [module], controllers: [RatesController] });
    return { clock, rates, shops, get: clientOf(url) };
  }

  it("counts the errors of the handler, and replies 503 with Retry-After while the breaker is open", async () => {
    const { clock, rates, get } = await serve();
    expect((await get("rates/ok")).text).toBe("2");
    expect(await get("rates/none")).toMatchObject({ status: 200, text: "" });
    for (let i = 0; i < 5; i++) expect((await get("rates/missing")).status).toBe(404);
    expect(rates.state).toBe("closed");
    for (let i = 0; i < 3; i++) expect((await get("rates/fail")).status).toBe(500);
    expect(rates.state).toBe("open");
    handled = 0;
    const refused = await get("rates/ok");
    expect(refused).toMatchObject({ status: 503, retryAfter: "2" });
    expect(JSON.parse(refused.text)).toMatchObject({ code: "SCALE_OPEN" });
    expect(handled).toBe(0);
    clock.advance(2000);
    expect((await get("rates/ok")).status).toBe(200);
  });

  it("has a breaker for each tenant with breakers by key, and the route's in place of the controller's", async () => {
    const { rates, shops, get } = await serve();
    for (let i = 0; i < 3; i++) await get("rates/shops/fail", "acme");
    expect((await get("rates/shops/ok", "acme")).status).toBe(503);
    expect(await get("rates/shops/ok", "birch")).toMatchObject({ status: 200, text: "ok" });
    expect(shops.peek("acme")?.state).toBe("open");
    expect(rates.snapshot().calls).toBe(0);
  });
});

@SkipHttpGuards("tenant")
@UseHttpGuards("degradation")
@Controller("api/degradation")
class DegradationController {
  @All(["health", "circuits", "circuits/:name", "flags", "flags/:flag", "flags/:flag/:action"]) never(): void {
    // The guard replies to every request below its path.
  }
}

describe.each(platforms)("degradationGuard on %s", (_, newAdapter) => {
  it("serves state and control to requests with the token of the operator", async () => {
    const rates = createBreaker({ name: "rates" });
    const guards = {
      tenant,
      degradation: degradationGuard({
        breakers: [rates],
        authorize: ({ header }) => header("authorization") === "Bearer t0ken",
      }),
    };
    const url = await start(newAdapter, {
      imports: [ScaleModule.forRoot({ guards, globalGuards: ["tenant"] })],
      controllers: [DegradationController],
    });
    const ask = clientOf(url);
    const bearer = { authorization: "Bearer t0ken" };
    expect((await ask("api/degradation/health")).status).toBe(403);
    expect(JSON.parse((await ask("api/degradation/circuits", "", { headers: bearer })).text)).toMatchObject({
      circuits: [{ name: "rates", state: "closed" }],
    });
    const change = await ask("api/degradation/circuits/rates", "", {
      method: "PUT",
      headers: { ...bearer, "content-type": "application/json" },
      body: JSON.stringify({ mode: "forced-open", by: "ann" }),
    });
    expect(change.status).toBe(200);
    expect(rates.mode).toBe("forced-open");
  });
});

describe("wrong wiring of @Shed, @RequireFlag and @UseBreaker", () => {
  const failed = async (options: ScaleModuleOptions, controller: new () => object): Promise<unknown> => {
    const imports = [ScaleModule.forRoot(options)];
    const app = await create(express, { imports, controllers: [controller] });
    return app.init().catch((error: unknown) => error);
  };

  it("fails the start of the application", async () => {
    const guards = {};
    expect(await failed({ guards }, WorkController)).toMatchObject({
      ...{ code: "SCALE_CONFIG", message: "@Shed: expected the option shed of ScaleModule, got none" },
    });
    expect(await failed({ guards }, ReportsController)).toMatchObject({
      message: "@RequireFlag: expected the option requireFlag of ScaleModule, got none",
    });
    expect(await failed({ guards, breakers: {} }, RatesController)).toMatchObject({
      message: expect.stringContaining('@UseBreaker: expected a breaker of ScaleModule (none), got "rates"'),
    });
    const flags = createFlags({ flags: defineFlags({ other: bool({ default: true }) }) });
    const requireFlag: ScaleModuleOptions["requireFlag"] = (key, options) => flagGuard(flags, key, options);
    expect(await failed({ guards, requireFlag }, ReportsController)).toMatchObject({
      message: expect.stringContaining("expected a defined flag"),
    });
    await flags.close();
    @Controller()
    class EventsController {
      @UseBreaker("rates") @Sse("events") events(): unknown {
        return EMPTY;
      }
    }
    const rates = createBreaker({ name: "rates" });
    expect(await failed({ guards, breakers: { rates } }, EventsController)).toMatchObject({
      message: expect.stringContaining("a stream of events"),
    });
  });

  it("throws for a name that the option shed has, and for an option that is none", async () => {
    const shed = (): (() => object) => () => ({});
    for (const [options, message] of [
      [{ guards: { shed: () => ({}) }, shed }, /guards\.shed/],
      [{ guards: {}, globalGuards: ["shed"] }, /globalGuards/],
      [{ guards: {}, breakers: { rates: {} } }, /breakers/],
    ] as const) {
      const imports = [ScaleModule.forRoot(options as ScaleModuleOptions)];
      await expect(create(express, { imports })).rejects.toThrow(message);
    }
  });

  it("throws when a decorator is used twice on one controller", () => {
    for (const decorator of [Shed(), UseBreaker("rates")]) {
      expect(() => {
        @decorator
        @decorator
        class TwiceController {}
        return TwiceController;
      }).toThrow(/expected one on a route or controller, got two/);
    }
  });
});
