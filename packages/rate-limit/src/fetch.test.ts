import type { IncomingMessage, ServerResponse } from "node:http";
import { authenticated, fromHeader, tenantGuard } from "@scale/http";
import { type FetchHandler, toFetch } from "@scale/http/fetch";
import { listen } from "@scale/http/testing";
import { describe, expect, it } from "vitest";
import { createRateLimiter } from "./limiter.js";
import { rateLimit } from "./fetch.js";
import { describeRateLimitAdapter } from "./testing/index.js";

describeRateLimitAdapter("fetch handlers", ({ guards, handle }) => {
  const handler: FetchHandler<[Request]> = async (request) => Response.json(await handle(request));
  const limited = guards.reduceRight((inner, { limiter, options }) => rateLimit(limiter, inner, options), handler);
  const route = toFetch(tenantGuard({ resolve: authenticated(fromHeader("x-tenant-id")) }), limited);
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const headers = { "x-tenant-id": String(request.headers["x-tenant-id"]) };
    const left = new AbortController();
    response.once("close", () => left.abort());
    const url = new URL(request.url ?? "/", "http://localhost");
    const { method = "GET" } = request;
    const answer = await route(new Request(url, { method, headers, signal: left.signal }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
  };
  return listen((request, response) => {
    serve(request, response).catch(() => response.writeHead(500).end());
  });
});

describe("rateLimit for fetch handlers", () => {
  it("counts the subject of `subject` at the cost of `cost`", async () => {
    const limiter = createRateLimiter({ rules: { user: { limit: 10, window: "1m" } } });
    const route = rateLimit(limiter, () => new Response("ok"), {
      subject: ({ header }) => ({ tenantId: "acme", userId: header("x-user") ?? "anonymous" }),
      cost: ({ method }) => (method === "POST" ? 6 : 1),
    });
    const post = (user: string) => new Request("http://localhost/", { method: "POST", headers: { "x-user": user } });
    const statuses = [await route(post("ann")), await route(post("ann")), await route(post("bob"))];
    expect(statuses.map(({ status }) => status)).toEqual([200, 429, 200]);
  });
});
