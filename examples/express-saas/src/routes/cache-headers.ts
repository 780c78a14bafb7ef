import type { Receipt } from "@scale/cache";
import type { Response } from "express";
import type { CacheRead } from "../db/cached-rows.js";

const STATUS = {
  memory: "crm; hit; detail=memory",
  store: "crm; hit; detail=redis",
  load: "crm; fwd=miss",
  bypass: "crm; fwd=bypass",
} as const satisfies Record<CacheRead<unknown>["source"], string>;

/** Sets the `Cache-Status` header (RFC 9211) and returns the value. */
export function setCacheStatus<T>(response: Response, { value, source, isStale }: CacheRead<T>): T {
  response.set("cache-status", isStale ? `${STATUS[source]}-stale` : STATUS[source]);
  return value;
}

/** Sets `X-Cache-Invalidation`: whether all processes received the invalidation. `queued` while Redis is down. */
export function setInvalidationHeader(response: Response, receipt: Receipt | undefined): void {
  if (receipt !== undefined) response.set("x-cache-invalidation", receipt.state);
}
