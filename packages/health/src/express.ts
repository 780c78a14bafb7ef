import { type NodeMiddleware, toExpress } from "@scale/http/express";
import type { Health } from "./health.js";
import { healthGuard } from "./http/index.js";

/** The guard as Express middleware. Mount it after the middleware that sets the tenant. */
export const healthMiddleware = (health: Health): NodeMiddleware => toExpress(healthGuard(health));
