import { toFetch } from "@scale/http/fetch";
import { queueStatusGuard, type QueueStatusOptions } from "./http/index.js";

/** Handler of `GET /api/queues/health` and `/stats`; it answers other requests with 404. */
export function queueStatus(options: QueueStatusOptions): (request: Request) => Promise<Response> {
  return toFetch(queueStatusGuard(options), () => new Response(null, { status: 404 }));
}
