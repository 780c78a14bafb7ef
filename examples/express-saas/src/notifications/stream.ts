import { tenancy } from "@scale/core";
import type { NodeMiddleware } from "@scale/http/express";
import { sse } from "@scale/realtime/express";
import { type CrmHub, topicOf } from "./hub.js";

/** Streams the notifications of the current user: what concerns the tenant, the user, and the leaderboard. */
export function notificationStream(hub: CrmHub): NodeMiddleware {
  return sse(hub, {
    topics: () => [...new Set(["notifications", "leaderboard", topicOf(tenancy.require().userId)])],
  });
}
