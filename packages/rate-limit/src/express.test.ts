import { IncomingMessage, ServerResponse } from "node:http";
import { createPlanResolver, definePlans } from "@scale/core";
import { authenticated, fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import { listen } from "@scale/http/testing";
import express, { type ErrorRequestHandler } from "express";
import { expect, it } from "vitest";
import { aiRateLimiter, companyRateLimiter, rateLimit } from "./express.js";
import { createRateLimiter } from "./limiter.js";
import { describeRateLimitAdapter } from "./testing/index.js";

describeRateLimitAdapter("Express 5", ({ guards, handle }) => {
  const app = express();
  app.use(toExpress(tenantGuard({ resolve: authenticated(fromHeader("x-tenant-id")) })));
  for (const { limiter, options } of guards) app.use(rateLimit(limiter, options));
  app.all("/{*path}", async (request, response) => void response.json(await handle(request)));
  app.use(problemHandler(), quiet);
  return listen(app);
});

// The last handler of Express without its printing to the console.
const quiet: ErrorRequestHandler = (_error, _request, response, _next) => void response.sendStatus(500);

it("charges the plan's own rules once, for a group inside an application that is limited already", async () => {
  const tenant = { limit: 10, window: "1m" } as const;
  const plans = createPlanResolver({
    plans: definePlans({
      free: { rateLimit: { rules: { tenant }, groups: { ai: { tenant: { ...tenant, limit: 3 } } } } },
    }),
    lookup: () => "free",
  });
  const limiter = createRateLimiter({ plans });
  const app = express();
  app.use(toExpress(tenantGuard({ resolve: () => "acme" })), rateLimit(limiter));
  app.get("/ai", rateLimit(limiter, { group: "ai" }), (_request, response) => void response.json("ok"));
  const { url, close } = await listen(app);
  const statuses: number[] = [];
  let last = "";
  for (let i = 0; i < 4; i++) {
    const { status, headers } = await fetch(`${url}/ai`);
    statuses.push(status);
    last = headers.get("ratelimit") ?? "";
  }
  await close();
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect(last).toMatch(/^"tenant";r=6;t=\d+, "ai\.tenant";r=0;t=\d+$/);
});

it("limits a company and its use of AI under the names that applications use", async () => {
  const tenant = { limit: 3, window: "1m" } as const;
  const plans = createPlanResolver({
    plans: definePlans({
      free: { rateLimit: { rules: { tenant }, groups: { ai: { tenant: { ...tenant, limit: 1 } } } } },
    }),
    lookup: () => "free",
  });
  const limiter = createRateLimiter({ plans });
  const app = express();
  app.use(toExpress(tenantGuard({ resolve: () => "acme" })));
  app.use("/api", companyRateLimiter(limiter));
  app.post("/api/ai/analyze", aiRateLimiter(limiter), (_request, response) => void response.json("ok"));
  app.get("/api/orders", (_request, response) => void response.json("ok"));
  const { url, close } = await listen(app);
  const status = async (path: string, method: string) => (await fetch(url + path, { method })).status;
  expect(await status("/api/ai/analyze", "POST")).toBe(200);
  expect(await status("/api/ai/analyze", "POST")).toBe(429);
  expect(await status("/api/orders", "GET")).toBe(200);
  expect(await status("/api/orders", "GET")).toBe(429);
  await close();
});

it("frees the slots of requests whose response has no real socket, as in a serverless runtime", async () => {
  const limiter = createRateLimiter({ rules: { tenant: { limit: 1, algorithm: "concurrency" } } });
  const middleware = rateLimit(limiter, { subject: () => ({ tenantId: "acme" }) });
  const outcomes: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const request = new IncomingMessage({ remoteAddress: "192.0.2.1", destroy() {} } as never);
    const response = new ServerResponse(request);
    await middleware(request, response, (error?: unknown) => outcomes.push(error ?? "handled"));
    // The events of a response are all that such a runtime has.
    response.emit("finish");
  }
  expect(outcomes).toEqual(Array.from({ length: 5 }, () => "handled"));
  limiter.close();
});

it("frees the slot when the end of a response cannot be watched", async () => {
  const limiter = createRateLimiter({ rules: { tenant: { limit: 1, algorithm: "concurrency" } } });
  const middleware = rateLimit(limiter, { subject: () => ({ tenantId: "acme" }) });
  for (let i = 0; i < 4; i++) {
    const request = new IncomingMessage({} as never);
    const response = new ServerResponse(request);
    Object.assign(response, { once: undefined });
    const errors: unknown[] = [];
    await middleware(request, response, (error?: unknown) => errors.push(error));
    expect(errors).toEqual([expect.any(TypeError)]);
  }
  expect((await limiter.acquire({ tenantId: "acme" })).allowed).toBe(true);
  limiter.close();
});

it("frees the slot of a client that has disconnected after the ttl, when the end of its handler is not seen", async () => {
  const limiter = createRateLimiter({ rules: { tenant: { limit: 1, algorithm: "concurrency", ttl: "600ms" } } });
  const app = express();
  let arrived = (): void => undefined;
  const inHandler = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  app.use(toExpress(tenantGuard({ resolve: () => "acme" })), rateLimit(limiter));
  app.get("/never", () => arrived());
  app.get("/", (_request, response) => void response.json("ok"));
  const { url, close } = await listen(app);
  const leave = new AbortController();
  const left = fetch(`${url}/never`, { signal: leave.signal }).catch(() => "left");
  await inHandler;
  expect((await fetch(url)).status).toBe(429);
  leave.abort();
  expect(await left).toBe("left");
  expect((await fetch(url)).status).toBe(429);
  await expect.poll(async () => (await fetch(url)).status, { timeout: 5000 }).toBe(200);
  await close();
  limiter.close();
});
