import { Controller, Get } from "@nestjs/common";
import { fromHeader, tenantGuard } from "@scale/http";
import { createRateLimiter } from "@scale/rate-limit";
import { rateLimitGuard } from "@scale/rate-limit/http";
import { expect, it } from "vitest";
import { platforms, start } from "../test/start.js";
import { ScaleModule } from "./module.js";
import { SkipHttpGuards } from "./names.js";

@Controller()
class LimitedController {
  @Get() get(): string {
    return "ok";
  }
  @SkipHttpGuards("api") @Get("health") health(): string {
    return "up";
  }
}

it.each(platforms)("a guard of a feature limits each tenant by itself, on %s", async (_, newAdapter) => {
  const limiter = createRateLimiter({ name: "nest", rules: { tenant: { limit: 2, window: "1h" } } });
  const guards = { tenant: tenantGuard({ resolve: fromHeader("x-tenant") }), api: rateLimitGuard(limiter) };
  const url = await start(newAdapter, {
    imports: [ScaleModule.forRoot({ guards, everywhere: ["tenant", "api"] })],
    controllers: [LimitedController],
  });
  const get = (tenant: string, path = "") => fetch(`${url}/${path}`, { headers: { "x-tenant": tenant } });
  expect([(await get("acme")).status, (await get("acme")).status]).toEqual([200, 200]);
  const denied = await get("acme");
  expect(denied.status).toBe(429);
  expect(denied.headers.get("content-type")).toBe("application/problem+json");
  expect(denied.headers.get("ratelimit")).toContain("r=0");
  expect((await get("acme", "health")).status).toBe(200);
  expect((await get("other")).status).toBe(200);
});
