import type { WarmReport } from "@scale/cache";
import { type Clock, tenancy } from "@scale/core";
import type { RequestHandler } from "express";
import type { CrmCache } from "./cache.js";

export interface WarmOnArrivalOptions {
  readonly warmers: CrmCache["warmers"];
  readonly clock: Clock;
  /** Gets what each warming did. */
  readonly onWarmed: (report: WarmReport) => void;
  readonly onError: (error: unknown) => void;
}

/** A tenant that was not seen for so long comes anew. */
const ARRIVAL_AFTER_MS = 10 * 60_000;
/** Tenants that are remembered; one that is forgotten comes anew, and finds what is still warm. */
const MAX_TENANTS = 1000;

/**
 * Has loaded what a tenant's users will ask for first, when the first of them is here. A product does so on login. Nobody
 * waits for it: who asks for something meanwhile shares its load.
 */
export function warmOnArrival({ warmers, clock, onWarmed, onError }: WarmOnArrivalOptions): RequestHandler {
  // The one that was seen last is the last.
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
    if (isArrival(tenantId)) warmers.warmTenantCache(tenantId).then(onWarmed, onError);
    next();
  };
}
