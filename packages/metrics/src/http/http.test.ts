import type { AddressInfo } from "node:net";
import { request } from "node:http";
import { gunzipSync } from "node:zlib";
import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import express, { type NextFunction, type Request, type Response } from "express";
import { afterEach, describe, expect, it } from "vitest";
import { parseText } from "../../scenarios/index.js";
import { metricsAdmin, metricsMiddleware } from "../express.js";
import { metricsHandler, withMetrics } from "../fetch.js";
import { createMetrics, type Metrics } from "../index.js";
import { formatFor } from "./index.js";

const ends: (() => Promise<unknown>)[] = [];
const create = (): Metrics => {
  const metrics = createMetrics({ events: false, process: false });
  ends.push(() => metrics.close());
  return metrics;
};

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const isAdmin = (facts: { header(name: string): string | undefined }): boolean =>
  facts.header("authorization") === "Bearer admin";
const admin = { headers: { authorization: "Bearer admin" } };

async function serve(metrics: Metrics): Promise<string> {
  const app = express();
  app.use(metricsAdmin(metrics, { authorize: isAdmin }));
  app.use((request: Request, _response: Response, next: NextFunction) => {
    const tenantId = request.header("x-tenant");
    if (tenantId === undefined) next();
    else tenancy.run({ tenantId }, () => next());
  });
  app.use(metricsMiddleware(metrics));
  const router = express.Router();
  router.get("/items/:id", (_request, response) => void response.send("ok"));
  router.get("/fails", () => {
    throw new Error("x");
  });
  router.get("/hangs", () => undefined);
  app.use("/v1", router);
  app.use(
    (_error: unknown, _request: Request, response: Response, _next: NextFunction) => void response.status(500).end(),
  );
  const server = app.listen(0);
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("metricsMiddleware", () => {
  it("records outcome, time and the pattern of the route, for the tenant, and aborted requests too", async () => {
    const metrics = create();
    const url = await serve(metrics);
    const headers = { "x-tenant": "acme" };
    for (const id of [1, 2, 3]) await (await fetch(`${url}/v1/items/${id}`, { headers })).text();
    await fetch(`${url}/v1/fails`, { headers });
    await fetch(`${url}/nowhere`, { headers });
    await fetch(`${url}/v1/items/4`);
    await expect(fetch(`${url}/v1/hangs`, { headers, signal: AbortSignal.timeout(100) })).rejects.toThrow();
    await expect.poll(() => metrics.tenant("acme")?.requests).toBe(6);
    const found = new Map(
      parseText(Buffer.concat((await metrics.render()).chunks).toString()).map(({ series, value }) => [series, value]),
    );
    const outcomes = (outcome: string): number | undefined =>
      found.get(`scale_http_requests_total{outcome="${outcome}",tenant="acme"}`);
    expect([outcomes("success"), outcomes("server-error"), outcomes("client-error"), outcomes("aborted")]).toEqual([
      3, 1, 1, 1,
    ]);
    expect(found.get('scale_http_requests_total{outcome="success"}')).toBe(1);
    expect(found.get('scale_http_request_duration_seconds_count{tenant="acme"}')).toBe(6);
    expect(found.get('scale_http_route_duration_seconds_count{method="GET",route="/items/:id",status="200"}')).toBe(4);
    expect(found.get('scale_http_route_duration_seconds_count{method="GET",route="unmatched",status="404"}')).toBe(1);
  });

  it("records a fetch handler, with its route", async () => {
    const metrics = create();
    const handler = withMetrics(metrics, () => new Response("ok", { status: 201 }), { route: () => "/orders" });
    await tenancy.run({ tenantId: "acme" }, () =>
      handler(new Request("http://x/orders")).then((response) => response.text()),
    );
    await expect.poll(() => metrics.tenant("acme")?.requests).toBe(1);
    expect(metrics.summary().total.requests).toBe(1);
  });
});

describe("metricsAdmin", () => {
  it.each([
    "/api/metrics",
    "/api/admin/metrics",
    "/api/admin/metrics/summary",
    "/api/admin/metrics/problems",
    "/api/admin/metrics/company/acme",
  ])("answers %s for authorized requests only", async (path) => {
    const metrics = create();
    const url = await serve(metrics);
    metrics.record.request({ tenantId: "acme", method: "GET", route: "/", status: 200, durationMs: 5 });
    const refused = await fetch(url + path);
    expect([refused.status, refused.headers.get("content-type")]).toEqual([403, "application/problem+json"]);
    expect(await refused.text()).not.toContain("acme");
    expect((await fetch(url + path, admin)).status).toBe(200);
    expect((await fetch(url + path, { ...admin, method: "POST" })).status).toBe(405);
    const head = await fetch(url + path, { ...admin, method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("returns percentiles of tenants, one tenant whatever its id contains, and 404 for an unknown one", async () => {
    const metrics = create();
    const url = await serve(metrics);
    const tenantId = "a/b?c%ü";
    for (let i = 1; i <= 100; i++)
      metrics.record.request({ tenantId, method: "GET", route: "/", status: 200, durationMs: i });
    const get = async (path: string) => {
      const response = await fetch(url + path, admin);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const { body } = await get("/api/admin/metrics/summary");
    expect(body).toMatchObject({ total: { requests: 100 }, tenants: [{ tenantId, requests: 100, errors: 0 }] });
    const one = await get(`/api/admin/metrics/company/${encodeURIComponent(tenantId)}`);
    const { p50Ms, p95Ms, p99Ms } = one.body["now"] as Record<string, number>;
    expect(Math.abs(p50Ms! - 50) / 50).toBeLessThan(0.045);
    expect(Math.abs(p95Ms! - 95) / 95).toBeLessThan(0.045);
    expect(Math.abs(p99Ms! - 99) / 99).toBeLessThan(0.045);
    expect((await get("/api/admin/metrics/company/nobody")).status).toBe(404);
    expect((await get("/api/admin/metrics/company/%zz")).status).toBe(400);
    expect((await get("/api/admin/metrics/else")).status).toBe(404);
  });

  it("streams every format, compressed for a client that asks", async () => {
    const metrics = create();
    const url = await serve(metrics);
    const counter = metrics.tenants.counter({ name: "x_total", help: "X." }).bind({});
    for (let i = 0; i < 400; i++) counter.inc(`tenant-${i}`);
    const raw = (
      headers: Record<string, string>,
    ): Promise<{ type: string; body: Buffer; encoding: string | undefined }> =>
      new Promise((resolve, reject) => {
        request(`${url}/api/metrics`, { headers: { ...admin.headers, ...headers } }, (response) => {
          const parts: Buffer[] = [];
          response.on("data", (part: Buffer) => parts.push(part));
          response.on("end", () =>
            resolve({
              type: response.headers["content-type"] ?? "",
              encoding: response.headers["content-encoding"],
              body: Buffer.concat(parts),
            }),
          );
        })
          .on("error", reject)
          .end();
      });
    const plain = await raw({});
    expect(plain.type).toContain("version=0.0.4");
    expect(parseText(plain.body.toString()).filter(({ name }) => name === "x_total")).toHaveLength(400);
    const zipped = await raw({ "accept-encoding": "gzip" });
    expect(zipped.encoding).toBe("gzip");
    expect(gunzipSync(zipped.body).toString()).toContain('x_total{tenant="tenant-399"} 1');
    const proto = await raw({
      accept: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    });
    expect(proto.type).toContain("io.prometheus.client.MetricFamily");
    expect(proto.body.toString("latin1")).toContain("tenant-399");
  });

  it("serves a fetch runtime", async () => {
    const handler = metricsHandler(create(), { authorize: isAdmin });
    expect((await handler(new Request("http://x/api/metrics"))).status).toBe(403);
    const response = await handler(new Request("http://x/api/metrics", admin));
    expect(await response.text()).toContain("# TYPE scale_queue_depth gauge");
    expect((await handler(new Request("http://x/else", admin))).status).toBe(404);
  });

  it("refuses an authorizer that answers neither true nor false", async () => {
    const handler = metricsHandler(create(), { authorize: () => "yes" as never });
    await expect(handler(new Request("http://x/api/metrics"))).rejects.toThrow(/authorize: expected true or false/);
  });
});

describe("formatFor", () => {
  const prometheus =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
  it.each([
    [undefined, "text"],
    ["*/*", "text"],
    ["text/html", "text"],
    [prometheus, "protobuf"],
    ["application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4,*/*;q=0.1", "openmetrics"],
    ["application/vnd.google.protobuf;q=0.9,text/plain;q=0.1", "text"],
    ["application/openmetrics-text;q=0", "text"],
    ["application/openmetrics-text;q=nonsense", "text"],
  ])("chooses for %s", (accept, format) => {
    expect(formatFor(accept)).toBe(format);
  });
});

describe("problems", () => {
  it("begin above the threshold with enough requests, and end well below it", async () => {
    const clock = createManualClock();
    const metrics = createMetrics({ events: false, process: false, clock, tenants: { window: 1000 } });
    ends.push(() => metrics.close());
    const request = { tenantId: "acme", method: "GET", route: "/" };
    const send = (count: number, failing: number, durationMs = 10): void => {
      // Begins the window that is due: the requests below are all in it.
      metrics.problems();
      for (let i = 0; i < count; i++)
        metrics.record.request({ ...request, status: (i * failing) % count < failing ? 500 : 200, durationMs });
    };
    send(40, 40);
    expect(metrics.problems()).toEqual([]);
    send(60, 0);
    expect(metrics.problems()).toMatchObject([{ tenantId: "acme", kind: "errors", since: clock.now() }]);
    clock.advance(1000);
    send(1000, 26);
    expect(metrics.problems(), "46 of 1,050 is below 5 %, and above 80 % of it").toHaveLength(1);
    clock.advance(1000);
    send(1000, 10);
    expect(metrics.problems()).toEqual([]);
    send(10_000, 0, 700);
    expect(metrics.problems()).toMatchObject([{ kind: "slow", threshold: 500 }]);
    clock.advance(60_000);
    expect(metrics.problems(), "nothing can be concluded from no requests").toEqual([]);
  });
});
