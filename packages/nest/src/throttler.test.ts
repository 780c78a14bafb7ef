import { Controller, Get } from "@nestjs/common";
import { APP_GUARD } from "@nestjs/core";
import { Throttle, ThrottlerGuard, ThrottlerModule } from "@nestjs/throttler";
import { createManualClock } from "@scale/core/testing";
import { memoryStore } from "@scale/rate-limit";
import { throttlerStorage } from "@scale/rate-limit/throttler";
import { describe, expect, it } from "vitest";
import { platforms, start } from "../test/start.js";

@Controller()
class HomeController {
  @Get("/") home(): string {
    return "ok";
  }
  @Throttle({ default: { limit: 1, ttl: 60_000, blockDuration: 5000 } })
  @Get("/login")
  login(): string {
    return "ok";
  }
}

describe.each(platforms)("throttlerStorage in a Nest application on %s", (_, newAdapter) => {
  it("counts and blocks for the guard of @nestjs/throttler", async () => {
    const clock = createManualClock(1_700_000_040_000);
    const storage = throttlerStorage({ store: memoryStore({ clock }), name: "nest" });
    const url = await start(newAdapter, {
      imports: [ThrottlerModule.forRoot({ throttlers: [{ ttl: 60_000, limit: 2 }], storage })],
      providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
      controllers: [HomeController],
    });
    const get = async (path: string): Promise<(number | string | null)[]> => {
      const { status, headers } = await fetch(url + path);
      return [
        status,
        headers.get("x-ratelimit-remaining"),
        headers.get("x-ratelimit-reset"),
        headers.get("retry-after"),
      ];
    };
    expect(await get("/")).toEqual([200, "1", "60", null]);
    clock.advance(10_000);
    expect(await get("/")).toEqual([200, "0", "50", null]);
    expect(await get("/")).toEqual([429, null, null, "60"]);
    expect(await get("/login")).toEqual([200, "0", "50", null]);
    expect(await get("/login")).toEqual([429, null, null, "5"]);
    clock.advance(5000);
    expect(await get("/login")).toEqual([200, "0", "45", null]);
    expect(await get("/")).toEqual([429, null, null, "55"]);
    clock.advance(55_000);
    expect(await get("/")).toEqual([200, "1", "50", null]);
  });
});
