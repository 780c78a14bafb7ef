import { once } from "node:events";
import { Controller, Get, Inject, Module } from "@nestjs/common";
import { HealthCheckService, TerminusModule } from "@nestjs/terminus";
import { createHealth, type Health } from "@scale/health";
import { healthGuard } from "@scale/health/http";
import { fromHeader, tenantGuard } from "@scale/http";
import { describe, expect, it, onTestFinished } from "vitest";
import { build, listen, platforms, start } from "../../test/start.js";
import { ScaleModule } from "../scale.module.js";
import { HealthModule } from "./health.module.js";
import { terminusIndicator } from "./terminus-indicator.js";

function healthOf(critical = false): Health {
  const down = { name: "redis", group: "cache", critical, run: () => Promise.reject(new Error("at redis://:pw@h")) };
  const health = createHealth({
    ready: [{ name: "database", run: () => undefined }, down],
    drain: { delayMs: 0, deadlineMs: 5_000 },
  });
  onTestFinished(() => health.close());
  return health;
}

describe.each(platforms)("HealthModule on %s", (_name, newAdapter) => {
  it("answers probes in front of every guard", async () => {
    @Controller()
    class OrdersController {
      @Get("orders") list(): string {
        return "orders";
      }
    }
    const guards = { tenant: tenantGuard({ resolve: fromHeader("x-tenant-id") }) };
    const url = await start(newAdapter, {
      imports: [
        ScaleModule.forRoot({ guards, globalGuards: ["tenant"] }),
        HealthModule.forRoot({ guard: healthGuard(healthOf()) }),
      ],
      controllers: [OrdersController],
    });
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: "warn" }]);
    expect(ready.headers.get("content-type")).toBe("application/health+json");
    expect((await fetch(`${url}/orders`)).status).toBe(400);
    expect((await fetch(`${url}/orders`, { headers: { "x-tenant-id": "acme" } })).status).toBe(200);
  });

  it("ends the application by the drain, after its requests", async () => {
    let release = (): void => undefined;
    const begun: (() => void)[] = [];
    @Controller()
    class SlowController {
      @Get("slow") async slow(): Promise<string> {
        await new Promise<void>((resolve) => {
          release = resolve;
          for (const each of begun) each();
        });
        return "done";
      }
    }
    const { drain } = healthOf();
    const app = await build(newAdapter(), {
      imports: [HealthModule.forRoot({ guard: () => ({}), drain, balancerIdleMs: 90_000 })],
      controllers: [SlowController],
    });
    const url = await listen(app);
    const server = app.getHttpServer();
    expect(server.keepAliveTimeout).toBe(95_000);
    const closed = once(server, "close");
    drain.defer("nest", () => app.close());
    const arrived = new Promise<void>((resolve) => begun.push(resolve));
    const answer = fetch(`${url}/slow`);
    await arrived;
    const drained = drain.start();
    release();
    expect(await (await answer).text()).toBe("done");
    expect(await drained).toMatchObject({ isClean: true, resources: [{ name: "nest", outcome: "closed" }] });
    await closed;
  });
});

describe("HealthModule", () => {
  it("names a wrong option", async () => {
    const imports = [HealthModule.forRoot({ guard: "guard" as never })];
    await expect(build(platforms[0]?.[1]() as never, { imports })).rejects.toThrow(
      /HealthModule: guard: expected a guard/,
    );
  });
});

describe("terminusIndicator", () => {
  async function ask(health: Health, group?: string): Promise<[number, unknown]> {
    const scale = terminusIndicator(health);
    @Controller("health")
    class HealthController {
      readonly #terminus: HealthCheckService;
      constructor(@Inject(HealthCheckService) terminus: HealthCheckService) {
        this.#terminus = terminus;
      }
      @Get() check(): Promise<unknown> {
        return this.#terminus.check([() => scale(group)]);
      }
    }
    @Module({ imports: [TerminusModule.forRoot({ logger: false })], controllers: [HealthController] })
    class HealthTestModule {}
    const url = await start(platforms[0]?.[1] as never, { imports: [HealthTestModule] });
    const response = await fetch(`${url}/health`);
    return [response.status, await response.json()];
  }

  it("is up with a failing check that is not critical, and shows no error", async () => {
    const checks = { database: "pass", redis: "fail" };
    expect(await ask(healthOf())).toMatchObject([200, { status: "ok", info: { scale: { status: "up", checks } } }]);
    const [status, body] = await ask(healthOf(), "cache");
    expect(status).toBe(200);
    expect(JSON.stringify(body)).not.toContain("redis://");
  });

  it("is down when a critical check fails", async () => {
    expect(await ask(healthOf(true))).toMatchObject([503, { error: { scale: { status: "down" } } }]);
    expect(await ask(healthOf(true), "cache")).toMatchObject([503, { error: { cache: { status: "down" } } }]);
    expect(await ask(healthOf(true), "database")).toMatchObject([200, { info: { database: { status: "up" } } }]);
  });

  it("refuses a group without a check", async () => {
    await expect(terminusIndicator(healthOf())("queues")).rejects.toThrow(
      /expected the group of a check, got "queues"/,
    );
  });
});
