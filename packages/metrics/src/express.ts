import { type NodeMiddleware, toExpress } from "@scale/http/express";
import type { Metrics } from "./metrics.js";
import { metricsGuard } from "./http/index.js";

/** The guard as Express middleware. Mount it after the middleware that sets the tenant. */
export const metricsMiddleware = (metrics: Metrics): NodeMiddleware => toExpress(metricsGuard(metrics));
