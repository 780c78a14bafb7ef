import { Controller, Get, Module, Param } from "@nestjs/common";
import { fromHeader, type HttpGuard, problem, tenantGuard } from "@scale/http";
import { describe, expect, it } from "vitest";
import { build, platforms, start } from "../../test/start.js";
import { ScaleModule } from "../scale.module.js";
import { MetricsModule, type NestRequests } from "./metrics.module.js";

interface Seen {
  readonly tenantId: string | undefined;
  readonly route: string | undefined;
  readonly status: number | undefined;
}

/** The part of `metricsGuard` that the module relies on: it reads tenant and route when the response has ended. */
function recorder() {
  const seen: Seen[] = [];
  const record =
    ({ tenant }: NestRequests): HttpGuard =>
    (facts) => ({
      onEnd({ status }) {
        const { route, routeOptions } = facts.raw as { route?: { path?: string }; routeOptions?: { url?: string } };
        seen.push({ tenantId: tenant(facts), route: routeOptions?.url ?? route?.path, status });
      },
    });
  return { seen, record };
}

@Controller("orders")
class OrdersController {
  @Get(":id") find(@Param("id") id: string): string {
    if (id === "0") throw new Error("no such order");
    return id;
  }
}

const guards = {
  tenant: tenantGuard({ resolve: fromHeader("x-tenant-id") }),
  limit: ((facts) =>
    facts.url.endsWith("/429") ? { reply: problem({ title: "Too Many Requests", status: 429 }) } : {}) as HttpGuard,
};

describe.each(platforms)("MetricsModule on %s", (_name, newAdapter) => {
  it("records every request with its tenant and its route, those that a guard denies and unknown paths included", async () => {
    const { seen, record } = recorder();
    const url = await start(newAdapter, {
      imports: [ScaleModule.forRoot({ guards, globalGuards: ["tenant", "limit"] }), MetricsModule.forRoot({ record })],
      controllers: [OrdersController],
    });
    const get = async (path: string, tenantId?: string): Promise<void> => {
      const response = await fetch(url + path, tenantId === undefined ? {} : { headers: { "x-tenant-id": tenantId } });
      await response.text();
    };
    await get("/orders/17", "acme");
    await get("/orders/429", "acme");
    await get("/orders/0", "acme");
    await get("/orders/17");
    await get("/unknown/17", "acme");
    const route = "/orders/:id";
    expect(seen).toEqual([
      { tenantId: "acme", route, status: 200 },
      { tenantId: "acme", route, status: 429 },
      { tenantId: "acme", route, status: 500 },
      { tenantId: undefined, route, status: 400 },
      { tenantId: undefined, route: undefined, status: 404 },
    ]);
  });

  it("serves the routes of the metrics in front of every guard, and does not record them", async () => {
    const { seen, record } = recorder();
    const url = await start(newAdapter, {
      imports: [
        ScaleModule.forRoot({ guards, globalGuards: ["tenant"] }),
        MetricsModule.forRoot({
          record,
          admin: async (request, response, next) => {
            if (request.url === "/api/metrics") response.end("# EOF\n");
            else next();
          },
        }),
      ],
      controllers: [OrdersController],
    });
    expect(await (await fetch(`${url}/api/metrics`)).text()).toBe("# EOF\n");
    expect((await fetch(`${url}/orders/17`)).status).toBe(400);
    expect(seen.map(({ status }) => status)).toEqual([400]);
  });

  it("is configured by a provider", async () => {
    const { seen, record } = recorder();
    const METRICS = Symbol("metrics");
    @Module({ providers: [{ provide: METRICS, useValue: record }], exports: [METRICS] })
    class SharedModule {}
    const url = await start(newAdapter, {
      imports: [
        MetricsModule.forRootAsync({
          imports: [SharedModule],
          inject: [METRICS],
          useFactory: (found: typeof record) => ({ record: found }),
        }),
      ],
      controllers: [OrdersController],
    });
    await (await fetch(`${url}/orders/17`)).text();
    expect(seen).toHaveLength(1);
  });
});

describe("MetricsModule", () => {
  it("names a wrong option", async () => {
    const imports = [MetricsModule.forRoot({ record: "metrics" as never })];
    await expect(build(platforms[0]?.[1]() as never, { imports })).rejects.toThrow(/MetricsModule: record/);
  });
});
