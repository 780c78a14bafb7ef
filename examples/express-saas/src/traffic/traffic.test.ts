import { waitUntil } from "@scale/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "@scale/core";
import { type HttpServer, startServer } from "../server.js";
import { createRequestComparison } from "./comparison.js";
import { startTraffic, type Traffic } from "./traffic.js";

describe("startTraffic", () => {
  let server: HttpServer | undefined;
  let traffic: Traffic | undefined;
  afterEach(async () => {
    await traffic?.stop();
    await server?.close();
  });

  const start = (url: string, errors: unknown[], requestsPerSecond = 1000): void => {
    const tenants = [
      { id: "first", plan: "enterprise" },
      { id: "second", plan: "professional" },
      { id: "third", plan: "basic" },
    ] as const;
    traffic = startTraffic({ url, tenants, requestsPerSecond, onError: (error) => errors.push(error) });
  };

  it("sends requests of all tenants over few connections, most for the tenant of the largest plan", async () => {
    const requests = new Map<string, number>();
    const sockets = new Set<unknown>();
    server = await startServer((request, response) => {
      const tenantId = String(request.headers["x-tenant-id"]);
      requests.set(tenantId, (requests.get(tenantId) ?? 0) + 1);
      sockets.add(request.socket);
      response.end('{"items":[]}');
    }, 0);
    const errors: unknown[] = [];
    start(server.url, errors);
    await waitUntil(() => (requests.get("third") ?? 0) > 50, { what: "50 requests of the third tenant" });
    await traffic?.stop();
    const { first = 0, second = 0, third = 0 } = Object.fromEntries(requests);
    expect(first).toBeGreaterThan(second);
    expect(second).toBeGreaterThan(third);
    expect(sockets.size).toBeLessThanOrEqual(32);
    expect(errors).toEqual([]);
  });

  it("waits on stop for requests in flight, and sends nothing afterwards", async () => {
    let received = 0;
    const waiting: (() => void)[] = [];
    server = await startServer((_request, response) => {
      received += 1;
      waiting.push(() => response.end('{"items":[]}'));
    }, 0);
    const errors: unknown[] = [];
    start(server.url, errors);
    await waitUntil(() => received > 0, { what: "a request" });
    let stopped = false;
    const stopping = traffic?.stop().then(() => {
      stopped = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    await waitUntil(
      () => {
        for (const answer of waiting.splice(0)) answer();
        return stopped;
      },
      { what: "the end of the traffic" },
    );
    await stopping;
    const before = received;
    await new Promise((resolve) => setImmediate(resolve));
    expect(received).toBe(before);
    expect(errors).toEqual([]);
  });

  it("adds the noise of one tenant until its signal aborts", async () => {
    const scripts = new Set<string>();
    server = await startServer((request, response) => {
      if (request.headers["x-user-id"] === "script")
        scripts.add(`${String(request.headers["x-tenant-id"])} ${request.url}`);
      response.end('{"items":[]}');
    }, 0);
    start(server.url, []);
    const controller = new AbortController();
    const noise = traffic?.addNoise("second", { requestsPerSecond: 500, signal: controller.signal });
    await waitUntil(() => scripts.size > 20, { what: "requests of the script" });
    controller.abort();
    await noise;
    expect([...scripts].every((line) => line.startsWith("second /contacts"))).toBe(true);
    expect(traffic?.usualRate("first")).toBeGreaterThan(traffic?.usualRate("second") ?? 0);
    expect(traffic?.usualRate("nobody")).toBe(0);
  });

  it("sends the reads to another system too, and measures both", async () => {
    const methods = { here: new Set<unknown>(), there: new Set<unknown>() };
    const serve = (seen: Set<unknown>): Promise<HttpServer> =>
      startServer((request, response) => {
        seen.add(request.method);
        response.end('{"items":[{"id":1}],"id":1}');
      }, 0);
    server = await serve(methods.here);
    const other = await serve(methods.there);
    const meters = createRequestComparison("another", systemClock);
    const tenants = [{ id: "first", plan: "enterprise" }] as const;
    const onError = (): void => undefined;
    const { url } = other;
    traffic = startTraffic({
      ...{ url: server.url, tenants, requestsPerSecond: 1000, onError },
      comparison: { url, meters },
    });
    await waitUntil(() => methods.here.has("POST") && meters.read().there.requests > 100, { what: "reads" });
    await traffic.stop();
    await other.close();
    expect([...methods.there]).toEqual(["GET"]);
    const { here, there } = meters.read();
    expect(there.failed).toBe(0);
    expect(here.requests).toBeGreaterThanOrEqual(there.requests);
  });

  it("reports a request without a response, and continues", async () => {
    server = await startServer((request) => void request.socket.destroy(), 0);
    const errors: unknown[] = [];
    start(server.url, errors);
    await waitUntil(() => errors.length > 3, { what: "errors" });
    expect(String(errors[0])).toContain("socket hang up");
  });
});
