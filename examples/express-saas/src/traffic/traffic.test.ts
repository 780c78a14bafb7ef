import { waitUntil } from "@scale/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type HttpServer, startServer } from "../server.js";
import { startTraffic, type Traffic } from "./traffic.js";

describe("startTraffic", () => {
  let server: HttpServer | undefined;
  let traffic: Traffic | undefined;
  afterEach(async () => {
    await traffic?.stop();
    await server?.close();
  });

  const start = (url: string, errors: unknown[], requestsPerSecond = 1000): void => {
    const tenantIds = ["first", "second", "third"];
    traffic = startTraffic({ url, tenantIds, requestsPerSecond, onError: (error) => errors.push(error) });
  };

  it("sends requests of all tenants over few connections, most for the first tenant", async () => {
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

  it("reports a request without a response, and continues", async () => {
    server = await startServer((request) => void request.socket.destroy(), 0);
    const errors: unknown[] = [];
    start(server.url, errors);
    await waitUntil(() => errors.length > 3, { what: "errors" });
    expect(String(errors[0])).toContain("socket hang up");
  });
});
