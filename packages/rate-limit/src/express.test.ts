import { createPlanResolver, definePlans } from "@scale/core";
import { fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import { listen } from "@scale/http/testing";
import express from "express";
import { expect, it } from "vitest";
import { rateLimit } from "./express.js";
import { createRateLimiter } from "./limiter.js";
import { describeRateLimitAdapter } from "./testing/index.js";

describeRateLimitAdapter("Express 5", (limiter) => {
  const app = express();
  app.use(toExpress(tenantGuard({ resolve: fromHeader("x-tenant-id") })));
  app.use(rateLimit(limiter));
  app.get("/", (_request, response) => void response.json("ok"));
  app.use(problemHandler());
  return listen(app);
});

it("charges the plan's own rules once, for a group inside of an application that is limited already", async () => {
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
