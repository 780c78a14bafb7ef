import type { Receipt } from "@scale/cache";
import type { Response } from "express";
import type { CacheRead } from "../db/cached-rows.js";

const STATUS = {
  memory: "crm; hit; detail=memory",
  store: "crm; hit; detail=redis",
  load: "crm; fwd=miss",
  bypass: "crm; fwd=bypass",
} as const satisfies Record<CacheRead<unknown>["source"], string>;

/** Says where the answer came from, as RFC 9211 has it. */
export function setCacheStatus<T>(response: Response, { value, source, isStale }: CacheRead<T>): T {
  response.set("cache-status", isStale ? `${STATUS[source]}-stale` : STATUS[source]);
  return value;
}

/** Says whether other processes have heard of a change; `queued` while Redis is away. */
export function setInvalidationHeader(response: Response, receipt: Receipt | undefined): void {
  if (receipt !== undefined) response.set("x-cache-invalidation", receipt.state);
}
