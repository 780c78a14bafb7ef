import { type NodeMiddleware, toExpress } from "@scale/http/express";
import type { Queue } from "./queue.js";
import { queueGuard } from "./http/index.js";

/** The guard as Express middleware. Mount it after the middleware that sets the tenant. */
export const queueMiddleware = (queue: Queue): NodeMiddleware => toExpress(queueGuard(queue));
