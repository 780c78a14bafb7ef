import { Controller, Get, Module } from "@nestjs/common";
import { createQueue, defineJobs, job, memoryStore } from "@scale/queue";
import { queueDashboard, type QueueDashboardOptions } from "@scale/queue/dashboard/express";
import { queueStatusGuard } from "@scale/queue/http";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { build, express, platforms, start } from "../../test/start.js";
import { QueueDashboardModule } from "./queue-dashboard.module.js";

const jobs = defineJobs({ mail: job({ input: z.object({ to: z.string() }) }) });
const QUEUES = Symbol("queues");

@Module({
  providers: [
    {
      provide: QUEUES,
      useFactory: () => createQueue(jobs, { name: "email", store: memoryStore({ durability: "none" }) }),
    },
  ],
  exports: [QUEUES],
})
class QueuesModule {}

@Controller()
class OrdersController {
  @Get("orders") list(): string {
    return "orders";
  }
}

const authorize: QueueDashboardOptions["authorize"] = ({ header }) =>
  header("authorization") === "Bearer ok" ? { tenants: ["acme"] } : undefined;
const headers = { authorization: "Bearer ok" };

describe.each(platforms)("QueueDashboardModule on %s", (_name, newAdapter) => {
  async function open() {
    let queue = createQueue(jobs, { store: memoryStore({ durability: "none" }) });
    const url = await start(newAdapter, {
      imports: [
        QueueDashboardModule.forRootAsync({
          imports: [QueuesModule],
          inject: [QUEUES],
          useFactory: (injected: typeof queue) => {
            queue = injected;
            return {
              dashboard: (path: string) => queueDashboard({ path, queues: [queue], authorize }),
              status: queueStatusGuard({ queues: [queue], authorize }),
            };
          },
        }),
      ],
      controllers: [OrdersController],
    });
    return { queue, url };
  }

  it("shows a sender the jobs of its tenants, below its path, and leaves the other routes alone", async () => {
    const { queue, url } = await open();
    await queue.enqueue("mail", { to: "a@acme.test" }, { tenantId: "acme" });
    await queue.enqueue("mail", { to: "g@globex.test" }, { tenantId: "globex" });
    const page = await (await fetch(`${url}/admin/queues/`, { headers })).text();
    expect(page).toContain("<title>Queues</title>");
    const file = /(?:src|href)="(static\/[^"]+\.js)"/.exec(page)?.[1];
    const served = await fetch(`${url}/admin/queues/${file}`, { headers });
    expect(served.status).toBe(200);
    await served.body?.cancel();
    const listed = await fetch(`${url}/admin/queues/api/queues?activeQueue=email&status=latest&page=1&jobsPerPage=10`, {
      headers,
    });
    const text = await listed.text();
    expect(text).not.toMatch(/globex|acme\.test/);
    expect(JSON.parse(text).queues[0]).toMatchObject({ name: "email", counts: { waiting: 1 } });
    expect(await (await fetch(`${url}/orders`)).text()).toBe("orders");
  });

  it("answers 401 to a sender without access, and 405 to a change", async () => {
    const { url } = await open();
    for (const path of ["/admin/queues/", "/admin/queues/api/queues", "/api/queues/stats"]) {
      expect((await fetch(`${url}${path}`)).status, path).toBe(401);
    }
    expect((await fetch(`${url}/admin/queues/api/queues/pause`, { headers, method: "PUT" })).status).toBe(405);
  });

  it("serves the status of the queues", async () => {
    const { url } = await open();
    const health = await fetch(`${url}/api/queues/health`, { headers });
    expect([health.status, await health.json()]).toEqual([
      200,
      { status: "up", queues: [{ name: "email", status: "up" }] },
    ]);
  });
});

describe("QueueDashboardModule", () => {
  it("does not start without authorize, and for a wrong option", async () => {
    const queue = createQueue(jobs, { store: memoryStore({ durability: "none" }) });
    const open = { dashboard: (path: string) => queueDashboard({ path, queues: [queue] } as never) };
    const starts = (options: object) => build(express(), { imports: [QueueDashboardModule.forRoot(options as never)] });
    await expect(starts(open)).rejects.toThrow("queueDashboard: authorize");
    await expect(starts({})).rejects.toThrow("QueueDashboardModule: dashboard");
    await expect(starts({ ...open, path: "admin" })).rejects.toThrow("QueueDashboardModule: path");
  });
});
