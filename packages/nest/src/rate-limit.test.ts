import { Controller, Get } from "@nestjs/common";
import { fromHeader, tenantGuard } from "@scale/http";
import { rateLimitGuard } from "@scale/rate-limit/http";
import { describeRateLimitAdapter } from "@scale/rate-limit/testing";
import { build, listen, platforms } from "../test/start.js";
import { ScaleModule } from "./scale.module.js";

@Controller()
class HomeController {
  @Get("/") home(): string {
    return "ok";
  }
}

for (const [name, newAdapter] of platforms) {
  describeRateLimitAdapter(`Nest on ${name}`, async (limiter) => {
    const guards = { tenant: tenantGuard({ resolve: fromHeader("x-tenant-id") }), limit: rateLimitGuard(limiter) };
    const app = await build(newAdapter(), {
      imports: [ScaleModule.forRoot({ guards, globalGuards: ["tenant", "limit"] })],
      controllers: [HomeController],
    });
    return { url: await listen(app), close: () => app.close() };
  });
}
