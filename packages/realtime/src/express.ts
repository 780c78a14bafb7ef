import { type NodeMiddleware, toExpress } from "@scale/http/express";
import type { Realtime } from "./realtime.js";
import { realtimeGuard } from "./http/index.js";

/** The guard as Express middleware. Mount it after the middleware that sets the tenant. */
export const realtimeMiddleware = (realtime: Realtime): NodeMiddleware => toExpress(realtimeGuard(realtime));
