import { fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import { listen } from "@scale/http/testing";
import express from "express";
import { rateLimit } from "./express.js";
import { describeRateLimitAdapter } from "./testing/index.js";

describeRateLimitAdapter("Express 5", (limiter) => {
  const app = express();
  app.use(toExpress(tenantGuard({ resolve: fromHeader("x-tenant-id") })));
  app.use(rateLimit(limiter));
  app.get("/", (_request, response) => void response.json("ok"));
  app.use(problemHandler());
  return listen(app);
});
