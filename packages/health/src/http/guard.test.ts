import { createFacts, listen } from "@scale/http/testing";
import express from "express";
import { afterEach, describe, expect, it } from "vitest";
import { authorizeFail } from "../events.js";
import { healthRoutes } from "../express.js";
import { healthRoutes as fetchRoutes } from "../fetch.js";
import { createHealth, type Health } from "../health.js";
import type { HealthOptions } from "../options.js";
import { healthGuard, type HealthRouteOptions } from "./guard.js";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

function healthOf(options: HealthOptions): Health {
  const health = createHealth(options);
  open.push(health);
  return health;
}

const down = (name: string, more: object = {}) => ({
  name,
  run: () => Promise.reject(new Error("no postgres://app:s3cret@db/crm")),
  ...more,
});
const up = (name: string, more: object = {}) => ({ name, run: () => undefined, ...more });

/** Asks the guard in a fetch handler. */
async function ask(health: Health, path: string, options?: HealthRouteOptions): Promise<[number, unknown]> {
  const response = await fetchRoutes(health, options)(new Request(`http://localhost${path}`));
  const text = await response.text();
  return [response.status, text === "" ? undefined : JSON.parse(text)];
}

describe("healthGuard", () => {
  it("answers the probes with the status alone", async () => {
    const health = healthOf({ ready: [up("a"), down("b", { group: "cache" })] });
    expect(await ask(health, "/livez")).toEqual([200, { status: "pass" }]);
    expect(await ask(health, "/startupz")).toEqual([200, { status: "pass" }]);
    expect(await ask(health, "/readyz")).toEqual([200, { status: "warn" }]);
    expect(await ask(health, "/api/health")).toEqual([200, { status: "warn" }]);
    expect(await ask(health, "/api/health/a")).toEqual([200, { status: "pass" }]);
    expect(await ask(health, "/api/health/cache")).toEqual([503, { status: "fail" }]);
    expect(await ask(health, "/readyz/?verbose=1")).toEqual([200, { status: "warn" }]);
  });

  it("answers 503 when a critical check fails, and stays alive", async () => {
    const health = healthOf({ ready: [down("own", { critical: true })] });
    expect(await ask(health, "/readyz")).toEqual([503, { status: "fail" }]);
    expect(await ask(health, "/livez")).toEqual([200, { status: "pass" }]);
  });

  it("shows details to authorized callers only, and no password to anyone", async () => {
    const health = healthOf({ ready: [down("database", { group: "database" })] });
    const authorize: HealthRouteOptions["authorize"] = ({ url }) => url.endsWith("?token");
    expect(await ask(health, "/api/health?no", { authorize })).toEqual([200, { status: "warn" }]);
    const [status, body] = await ask(health, "/api/health?token", { authorize });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: "warn",
      phase: "serving",
      checks: { database: [{ componentId: "database", status: "fail", output: "no postgres://***@db/crm" }] },
    });
    expect(JSON.stringify(body)).not.toContain("s3cret");
    expect(await ask(health, "/api/health/database?token", { authorize })).toMatchObject([503, { checks: {} }]);
    // Probes of an orchestrator never wait for it.
    expect(await ask(health, "/readyz?token", { authorize })).toEqual([200, { status: "warn" }]);
  });

  it.each<[string, () => unknown]>([
    ["throws", () => thrown(new Error("no session store"))],
    ["rejects", () => Promise.reject(new Error("no session store"))],
    ["returns something that is not a boolean", () => "no"],
  ])("takes an authorize that %s for a no, and publishes it", async (_what, authorize) => {
    const failures: unknown[] = [];
    const stop = authorizeFail.subscribe(({ error }) => void failures.push(error));
    const options = { authorize: authorize as NonNullable<HealthRouteOptions["authorize"]> };
    expect(await ask(healthOf({ ready: [up("a")] }), "/api/health", options)).toEqual([200, { status: "pass" }]);
    stop();
    expect(failures).toHaveLength(1);
  });

  it("serves checks whose names are odd", async () => {
    const names = ["__proto__", "constructor", "a/b c?d", "\u{1f600}", "%", "{}", "'"];
    const health = healthOf({ ready: names.map((name) => up(name)) });
    const authorize = (): boolean => true;
    for (const name of names) {
      const [status, body] = await ask(health, `/api/health/${encodeURIComponent(name)}`, { authorize });
      expect(status).toBe(200);
      expect(Object.keys((body as { checks: object }).checks)).toEqual([name]);
    }
    expect((await ask(health, "/api/health/%zz"))[0]).toBe(404);
    expect((await ask(health, "/api/health/none"))[0]).toBe(404);
    expect((await ask(health, "/api/health/a/b"))[0]).toBe(404);
    expect((await ask(health, "/api/healthy"))[0]).toBe(404);
  });

  it("lets every other request pass, and refuses other methods", async () => {
    const guard = healthGuard(healthOf({}));
    expect(await guard(createFacts({ url: "/orders" }))).toEqual({});
    const { reply } = await guard(createFacts({ url: "/livez", method: "POST" }));
    expect(reply).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  it("uses the paths of the options", async () => {
    const paths = { live: "/-/alive", report: "/" };
    const health = healthOf({ ready: [up("a")] });
    expect((await ask(health, "/-/alive", { paths }))[0]).toBe(200);
    expect((await ask(health, "/livez", { paths }))[0]).toBe(404);
    expect((await ask(health, "/a", { paths }))[0]).toBe(200);
  });

  it("names wrong options", () => {
    const health = healthOf({});
    expect(() => healthGuard(health, { paths: { live: "livez" } })).toThrow(/paths.live: expected a path/);
    expect(() => healthGuard({} as Health)).toThrow(/expected a health/);
  });

  it("answers in Express, before everything that may refuse, with headers that caches respect", async () => {
    const app = express();
    app.use(healthRoutes(healthOf({ ready: [up("a")] })));
    app.use((_request, response) => void response.status(401).end());
    const server = await listen(app);
    open.push(server);
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/health+json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect((await fetch(`${server.url}/readyz`, { method: "HEAD" })).status).toBe(200);
    expect((await fetch(`${server.url}/orders`)).status).toBe(401);
  });
});

function thrown(error: unknown): never {
  throw error;
}
