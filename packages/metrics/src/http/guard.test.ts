import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseText } from "../../scenarios/index.js";
import { metricsAdmin, metricsMiddleware } from "../express.js";
import { createMetrics, feedFail, type Metrics } from "../index.js";
import type { MetricsGuardOptions } from "./index.js";

const create = (): Metrics => {
  const metrics = createMetrics({ events: false, process: false });
  onTestFinished(() => metrics.close());
  return metrics;
};

async function serve(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Routes that the requests to an application were counted for. */
async function routesOf(metrics: Metrics): Promise<string[]> {
  const text = Buffer.concat((await metrics.render()).chunks).toString();
  const found = parseText(text).filter(({ name }) => name === "scale_http_route_duration_seconds_count");
  return found.map(({ labels }) => labels["route"] ?? "");
}

describe("metricsGuard", () => {
  it("makes a bounded number of series for a router that is mounted at a pattern", async () => {
    const metrics = create();
    const router = express.Router();
    router.get("/items", (_request, response) => void response.send("ok"));
    const url = await serve(express().use(metricsMiddleware(metrics)).use("/:tenant", router));
    const names = Array.from({ length: 40 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(3 + (i % 7)));
    for (const name of names) await (await fetch(`${url}/${name}/items`)).text();
    await expect.poll(() => metrics.summary().total.requests).toBe(40);
    const routes = await routesOf(metrics);
    expect(routes.length).toBeLessThanOrEqual(9);
    expect(routes).toContain("/items");
  });

  it.each<[string, MetricsGuardOptions]>([
    ["skip", { skip: fails }],
    ["route", { route: fails }],
    ["tenant", { tenant: fails }],
  ])("records a request whose %s throws, and does not fail it", async (name, options) => {
    const failures: string[] = [];
    // Metrics of other tests may end at the same time.
    const note = (source: string): void => void (source.startsWith("metricsGuard") && failures.push(source));
    onTestFinished(feedFail.subscribe(({ source }) => note(source)));
    const metrics = create();
    const app = express().use(metricsMiddleware(metrics, options));
    app.get("/items", (_request, response) => void response.send("ok"));
    const url = await serve(app);
    expect((await fetch(`${url}/items`)).status).toBe(200);
    await expect.poll(() => metrics.summary().total.requests).toBe(1);
    expect(failures).toEqual([`metricsGuard ${name}`]);
  });

  it("reads the tenant when the response has ended, in front of what sets it", async () => {
    const metrics = create();
    const app = express().use(metricsMiddleware(metrics, { tenant: ({ raw }) => (raw as { id?: string }).id }));
    app.use((request, response) => {
      Object.assign(request, { id: request.query["id"] });
      response.status(request.query["id"] === undefined ? 401 : 200).end();
    });
    const url = await serve(app);
    await fetch(`${url}/?id=acme`);
    await fetch(url);
    await expect.poll(() => metrics.summary().total.requests).toBe(2);
    expect(metrics.tenant("acme")?.requests).toBe(1);
    expect(metrics.tenants.ids()).toEqual(["acme"]);
  });
});

function fails(): never {
  throw new Error("x");
}

describe("a scrape", () => {
  it("whose client hangs up, or reads slowly, holds up no other one", async () => {
    const metrics = create();
    const counter = metrics.tenants.counter({ name: "x_total", help: "X.".repeat(100_000) }).bind({});
    for (let i = 0; i < 500; i++) counter.inc(`tenant-${i}`);
    const admin = metricsAdmin(metrics, { authorize: () => true });
    const errors: unknown[] = [];
    const url = await serve((request, response) => void admin(request, response, (error) => void errors.push(error)));
    for (const encoding of ["gzip", "identity"]) {
      const slow = httpRequest(`${url}/api/metrics`, { headers: { "accept-encoding": encoding } }).end();
      const [response] = (await once(slow, "response")) as [{ pause(): void }];
      response.pause();
      const gone = httpRequest(`${url}/api/metrics`, { headers: { "accept-encoding": encoding } }).end();
      await once(gone, "response");
      gone.destroy();
      gone.on("error", () => undefined);
      const never = httpRequest(`${url}/api/metrics`).on("error", () => undefined);
      never.end(() => never.destroy());
      const whole = await (await fetch(`${url}/api/metrics`)).text();
      expect(whole).toContain('x_total{tenant="tenant-499"} 1');
      slow.destroy();
      slow.on("error", () => undefined);
    }
    expect(errors).toEqual([]);
  });
});
