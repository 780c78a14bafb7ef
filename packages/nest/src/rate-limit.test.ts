import { All, Controller, Get, HttpCode, Inject, Req } from "@nestjs/common";
import { authenticated, fromHeader, type HttpGuard, tenantGuard } from "@scale/http";
import { createRateLimiter, type Decision } from "@scale/rate-limit";
import { decisionOf, rateLimitGuard } from "@scale/rate-limit/http";
import { describeRateLimitAdapter, type LimitedRoutes } from "@scale/rate-limit/testing";
import { describe, expect, it } from "vitest";
import { build, listen, platforms, start } from "../test/start.js";
import { RequestValue } from "./request-value.decorator.js";
import { ScaleModule } from "./scale.module.js";

const ROUTES = Symbol("routes");

@Controller()
class HomeController {
  readonly #routes: LimitedRoutes;

  constructor(@Inject(ROUTES) routes: LimitedRoutes) {
    this.#routes = routes;
  }

  @All(["/", "*"]) @HttpCode(200) home(@Req() request: object): Promise<unknown> {
    return this.#routes.handle(request);
  }
}

for (const [name, newAdapter] of platforms) {
  describeRateLimitAdapter(`Nest on ${name}`, async (routes) => {
    const guards: Record<string, HttpGuard> = {
      tenant: tenantGuard({ resolve: authenticated(fromHeader("x-tenant-id")) }),
    };
    for (const [index, { limiter, options }] of routes.guards.entries())
      guards[`limit${index}`] = rateLimitGuard(limiter, options);
    const app = await build(newAdapter(), {
      imports: [ScaleModule.forRoot({ guards, globalGuards: Object.keys(guards) })],
      providers: [{ provide: ROUTES, useValue: routes }],
      controllers: [HomeController],
    });
    return { url: await listen(app), close: () => app.close() };
  });
}

describe.each(platforms)("@RequestValue on %s", (_, newAdapter) => {
  it("passes the decision of a guard to the handler", async () => {
    @Controller()
    class DecisionController {
      @Get("/") left(@RequestValue(decisionOf) decision: Decision | undefined): unknown {
        return { remaining: decision?.limits[0]?.remaining };
      }
    }
    const limiter = createRateLimiter({ rules: { tenant: { limit: 5, window: "1m" } } });
    const guards = { limit: rateLimitGuard(limiter, { subject: () => ({ tenantId: "acme" }) }) };
    const url = await start(newAdapter, {
      imports: [ScaleModule.forRoot({ guards, globalGuards: ["limit"] })],
      controllers: [DecisionController],
    });
    expect(await (await fetch(url)).json()).toEqual({ remaining: 4 });
  });
});
