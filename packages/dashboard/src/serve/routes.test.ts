import { gzipSync } from "node:zlib";
import type { HttpFacts } from "@scale/http";
import { listen } from "@scale/http/testing";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { createSource } from "../../test/source.js";
import { sourceFail } from "../channels.js";
import { createDashboard, type Dashboard } from "../dashboard.js";
import { dashboardRoutes as expressRoutes } from "../express.js";
import { dashboardRoutes } from "../fetch.js";
import type { ActionCall } from "../actions/types.js";
import type { DashboardOptions } from "../options.js";
import { files } from "../page.gen.js";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

function dashboardOf(options: Partial<DashboardOptions> = {}): Dashboard {
  const dashboard = createDashboard({ source: createSource(), authorize: () => true, ...options });
  open.push(dashboard);
  return dashboard;
}

const action = { id: "kill", label: "Kill", run: () => undefined };

const ask = (dashboard: Dashboard, path: string, init?: RequestInit): Promise<Response> =>
  dashboardRoutes(dashboard)(new Request(`http://localhost${path}`, init));

describe("the dashboard", () => {
  it("is closed by default, with all that belongs to it", async () => {
    const dashboard = createDashboard({ source: createSource() });
    open.push(dashboard);
    for (const path of ["/scale", "/scale/page.js", "/scale/data", "/scale/events", "/scale/tenants/a", "/scale/x"]) {
      expect((await ask(dashboard, path)).status).toBe(403);
    }
  });

  it.each<[string, () => unknown]>([
    ["throws", () => thrown(new Error("no session"))],
    ["rejects", () => Promise.reject(new Error("no session"))],
    ["returns something else", () => "yes"],
  ])("takes an authorize that %s for a no, and publishes it", async (_what, authorize) => {
    const seen: unknown[] = [];
    const stop = sourceFail.subscribe(({ operation }) => void seen.push(operation));
    const dashboard = dashboardOf({ authorize: authorize as NonNullable<DashboardOptions["authorize"]> });
    expect((await ask(dashboard, "/scale/data")).status).toBe(403);
    stop();
    expect(seen).toEqual(["authorize"]);
  });

  it("serves the page below its path, for a browser that trusts nothing else", async () => {
    const dashboard = dashboardOf({ path: "/ops/scale" });
    const response = await ask(dashboard, "/ops/scale");
    expect(await response.text()).toContain('<base href="/ops/scale/">');
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect((await ask(dashboard, "/ops/scale/")).status).toBe(200);
    expect((await ask(dashboard, "/ops/scale/page.js")).headers.get("content-type")).toMatch(/javascript/);
    for (const path of [
      "/scale",
      "/ops/scaled",
      "/ops/scale/../x",
      "/ops/scale/constructor",
      "/ops/scale/tenants/%zz",
    ]) {
      expect((await ask(dashboard, path)).status).toBe(404);
    }
    expect((await ask(dashboard, "/ops/scale", { method: "POST" })).status).toBe(405);
  });

  describe("with actions", () => {
    const withActions = (authorize: (facts: HttpFacts) => boolean, options: Partial<DashboardOptions> = {}) => {
      let runs = 0;
      const run = ({ signal }: ActionCall): Promise<void> => {
        runs++;
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      };
      const list = [{ id: "kill-redis", label: "Kill Redis", endLabel: "Restart Redis", run }];
      return { dashboard: dashboardOf({ actions: { authorize, list }, ...options }), runs: () => runs };
    };
    const post = async (dashboard: Dashboard, path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await ask(dashboard, `/scale/actions/${path}`, { method: "POST", headers })).status;

    it("runs and ends one for a caller that both predicates allow, and shows it", async () => {
      const { dashboard, runs } = withActions(({ header }) => header("authorization") === "Bearer op");
      const operator = { authorization: "Bearer op", host: "localhost", origin: "http://localhost" };
      expect(await post(dashboard, "kill-redis/start", operator)).toBe(202);
      expect(await post(dashboard, "kill-redis/start", operator)).toBe(409);
      expect(await (await ask(dashboard, "/scale/data")).json()).toMatchObject({
        actions: { title: "Actions", list: [{ label: "Restart Redis", status: "running", isEnd: true }] },
        incidents: [{ label: "Kill Redis", felt: expect.stringContaining("no request failed") }],
      });
      expect(await post(dashboard, "kill-redis/end", operator)).toBe(202);
      expect(await post(dashboard, "nothing/start", operator)).toBe(404);
      expect(runs()).toBe(1);
    });

    it.each<[string, boolean, boolean, Record<string, string>]>([
      ["of a caller without the right to see the page", false, true, {}],
      ["of a caller with the right to see the page alone", true, false, {}],
      ["that a page of another origin sent", true, true, { origin: "http://evil.example", host: "localhost" }],
      ["of a page without an origin", true, true, { origin: "null", host: "localhost" }],
      ["that a page of another site sent", true, true, { "sec-fetch-site": "cross-site" }],
    ])("refuses a request %s", async (_of, maySee, mayAct, headers) => {
      const { dashboard, runs } = withActions(() => mayAct, { authorize: () => maySee });
      expect(await post(dashboard, "kill-redis/start", headers)).toBe(403);
      expect(runs()).toBe(0);
    });

    it("takes a predicate that throws for a no, and has no action without the option", async () => {
      const { dashboard, runs } = withActions(() => thrown(new Error("no session")));
      expect(await post(dashboard, "kill-redis/start")).toBe(403);
      expect(runs()).toBe(0);
      expect(await post(dashboardOf(), "kill-redis/start")).toBe(403);
    });

    it("is changed by POST alone", async () => {
      const { dashboard } = withActions(() => true);
      expect((await ask(dashboard, "/scale/actions/kill-redis/start")).status).toBe(405);
    });
  });

  it("is smaller than 60 kB on the way", () => {
    const sizes = Object.values(files).map((text) => gzipSync(text, { level: 9 }).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
  });

  it("serves its data, tenants and the search", async () => {
    const health = { ready: async () => ({ checks: [{ name: "redis", status: "fail" as const, output: "gone" }] }) };
    const dashboard = dashboardOf({ health, title: "CRM" });
    const json = async (path: string): Promise<unknown> => (await ask(dashboard, path)).json();
    expect(await json("/scale/data")).toMatchObject({
      title: "CRM",
      dependencies: [{ name: "redis", status: "fail", note: "gone" }],
      story: { noisy: "delta-labs", suffering: [] },
      events: [],
    });
    expect(await json("/scale/search?q=labs")).toMatchObject({ tenants: expect.arrayContaining(["amber-labs"]) });
    expect(await json("/scale/search?q=")).toEqual({ tenants: [] });
    expect(await json("/scale/tenants/amber-labs")).toMatchObject({ details: { plan: "pro" }, events: [] });
    expect(await json("/scale/tenants/nobody")).toMatchObject({ details: null });
  });

  it("answers 503 while its source fails", async () => {
    const source = { read: () => Promise.reject(new Error("down")) };
    expect((await ask(dashboardOf({ source }), "/scale/data")).status).toBe(503);
  });

  it("streams in Express, uncompressed, and forgets a viewer that leaves", async () => {
    const dashboard = dashboardOf({ everyMs: 100 });
    const app = express();
    app.use(expressRoutes(dashboard));
    app.get("/orders", (_request, response) => void response.send("orders"));
    const server = await listen(app);
    open.push(server);
    expect(await (await fetch(`${server.url}/orders`)).text()).toBe("orders");
    expect((await fetch(`${server.url}/scale`)).headers.get("content-encoding")).toBe("gzip");
    const controller = new AbortController();
    const response = await fetch(`${server.url}/scale/events`, { signal: controller.signal });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = response.body?.getReader();
    let text = "";
    while ((text.match(/^data: /gm) ?? []).length < 2) text += new TextDecoder().decode((await reader?.read())?.value);
    expect(dashboard.viewers).toBe(1);
    controller.abort();
    while (dashboard.viewers > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await fetch(`${server.url}/scale/events`, { method: "HEAD" })).status).toBe(200);
    expect(dashboard.viewers).toBe(0);
  });

  it.each<[RegExp, object]>([
    [/createDashboard: source: expected a source with read/, { source: {} }],
    [/createDashboard: path: expected a path/, { path: "/scale/" }],
    [/createDashboard: health: expected a health/, { health: {} }],
    [/createDashboard: everyMs/, { everyMs: 1 }],
    [/createDashboard: actions.authorize: expected a function/, { actions: { list: [] } }],
    [/expected each id once/, { actions: { authorize: () => true, list: [action, action] } }],
    [/expected lower-case letters/, { actions: { authorize: () => true, list: [{ ...action, id: "../x" }] } }],
  ])("names a wrong option: %s", (message, options) => {
    expect(() => createDashboard({ source: createSource(), ...options })).toThrow(message);
  });
});

function thrown(error: unknown): never {
  throw error;
}
