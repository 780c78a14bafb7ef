import type { WarmReport } from "@scale/cache";
import { type Clock, tenancy } from "@scale/core";
import type { RequestHandler } from "express";
import type { CrmCache } from "./cache.js";

export interface WarmOnArrivalOptions {
  readonly warmers: CrmCache["warmers"];
  /** Asked at each request. A tenant that arrives while it returns false is warmed at a later request. */
  readonly isEnabled: () => boolean;
  readonly clock: Clock;
  /** Called with the report of each warming. */
  readonly onWarmed: (report: WarmReport) => void;
  readonly onError: (error: unknown) => void;
}

/** A tenant without a request for this long counts as arriving again. */
const ARRIVAL_AFTER_MS = 10 * 60_000;
/** Remembered tenants. A forgotten tenant is warmed again, which only loads entries that are no longer fresh. */
const MAX_TENANTS = 1000;

/**
 * Warms the cache of a tenant on its first request; a product would do so on login. The request does not wait, and
 * requests that need the same value meanwhile share its load.
 */
export function warmOnArrival({ warmers, isEnabled, clock, onWarmed, onError }: WarmOnArrivalOptions): RequestHandler {
  // In order of the last request, so that the first key is the oldest.
  const seenAt = new Map<string, number>();

  function isArrival(tenantId: string): boolean {
    const now = clock.monotonic();
    const last = seenAt.get(tenantId);
    seenAt.delete(tenantId);
    seenAt.set(tenantId, now);
    const [oldest] = seenAt.keys();
    if (seenAt.size > MAX_TENANTS && oldest !== undefined) seenAt.delete(oldest);
    return last === undefined || now - last > ARRIVAL_AFTER_MS;
  }

  return (_request, _response, next) => {
    const { tenantId } = tenancy.require();
    if (isEnabled() && isArrival(tenantId)) warmers.warmTenantCache(tenantId).then(onWarmed, onError);
    next();
  };
}
