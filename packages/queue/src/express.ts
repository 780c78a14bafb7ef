import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { queueStatusGuard, type QueueStatusOptions } from "./http/index.js";

/** Answers `GET /api/queues/health` and `/stats`. Mount it with `app.use(queueStatus({ … }))`, without a path. */
export const queueStatus = (options: QueueStatusOptions): NodeMiddleware => toExpress(queueStatusGuard(options));
