import { Controller, Get } from "@nestjs/common";
import { createDashboard, type Dashboard } from "@scale/dashboard";
import { dashboardRoutes } from "@scale/dashboard/express";
import { fromHeader, tenantGuard } from "@scale/http";
import { describe, expect, it, onTestFinished } from "vitest";
import { build, listen, platforms, start } from "../../test/start.js";
import { ScaleModule } from "../scale.module.js";
import { DashboardModule } from "./dashboard.module.js";

@Controller()
class OrdersController {
  @Get("orders") list(): string {
    return "orders";
  }
}

const calm = {
  requests: { perSecond: 0, admitted: 0, denied: 0, failed: 0, p50: null, p95: null, p99: null },
  ...{ seconds: [], tenants: [] },
};

function dashboardOf(): { dashboard: Dashboard; runs: () => number } {
  let runs = 0;
  const isStaff = ({ header }: { header(name: string): string | undefined }): boolean => header("x-staff") === "yes";
  const dashboard = createDashboard({
    source: { read: () => calm },
    authorize: isStaff,
    actions: { authorize: isStaff, list: [{ id: "drill", label: "Drill", run: () => void runs++ }] },
    everyMs: 100,
  });
  onTestFinished(() => dashboard.close());
  return { dashboard, runs: () => runs };
}

describe.each(platforms)("DashboardModule on %s", (_name, newAdapter) => {
  it("serves the page and its actions to callers that its authorize allows, in front of every guard", async () => {
    const { dashboard, runs } = dashboardOf();
    const guards = { tenant: tenantGuard({ resolve: fromHeader("x-tenant-id") }) };
    const url = await start(newAdapter, {
      imports: [
        ScaleModule.forRoot({ guards, globalGuards: ["tenant"] }),
        DashboardModule.forRoot({ routes: dashboardRoutes(dashboard) }),
      ],
      controllers: [OrdersController],
    });
    const headers = { "x-staff": "yes" };
    expect((await fetch(`${url}/scale`)).status).toBe(403);
    expect(await (await fetch(`${url}/scale`, { headers })).text()).toContain('<base href="/scale/">');
    expect(await (await fetch(`${url}/scale/data`, { headers })).json()).toMatchObject({ title: "Scale" });
    const started = await fetch(`${url}/scale/actions/drill/start`, { method: "POST", headers });
    expect([started.status, runs()]).toEqual([202, 1]);
    expect((await fetch(`${url}/orders`)).status).toBe(400);
    expect(await (await fetch(`${url}/orders`, { headers: { "x-tenant-id": "acme" } })).text()).toBe("orders");
  });

  it("ends its streams, so that the application can close", async () => {
    const { dashboard } = dashboardOf();
    const app = await build(newAdapter(), {
      imports: [DashboardModule.forRoot({ routes: dashboardRoutes(dashboard), dashboard })],
    });
    const url = await listen(app);
    const response = await fetch(`${url}/scale/events`, { headers: { "x-staff": "yes" } });
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain("retry: 2000");
    await app.close();
    let isDone = false;
    while (!isDone) isDone = (await reader?.read())?.done ?? true;
    expect(dashboard.viewers).toBe(0);
  });
});

describe("DashboardModule", () => {
  it.each<[RegExp, object]>([
    [/DashboardModule: routes: expected middleware/, {}],
    [/DashboardModule: dashboard: expected a dashboard/, { routes: () => undefined, dashboard: {} }],
  ])("names a wrong option: %s", async (message, options) => {
    const [, newAdapter] = platforms[0] ?? [];
    if (newAdapter === undefined) throw new Error("expected a platform");
    const wrong = DashboardModule.forRoot(options as Parameters<typeof DashboardModule.forRoot>[0]);
    await expect(build(newAdapter(), { imports: [wrong] })).rejects.toThrow(message);
  });
});
