import type { RateLimitGuardOptions } from "../../http/guard.js";
import type { RateLimiter } from "../../limiter.js";

/** The guards and the handler that an adapter serves for the contract. */
export interface LimitedRoutes {
  /** Guards in front of every route, after the one of the tenant, in this order. */
  readonly guards: readonly { readonly limiter: RateLimiter; readonly options?: RateLimitGuardOptions }[];
  /** Every method and path: called with the request of the framework; 200 with the result as JSON. */
  handle(request: object): Promise<unknown>;
}

/** Sends a request of a tenant. */
export interface SendLimited {
  (
    tenantId: string,
    headers?: Record<string, string>,
    init?: Pick<RequestInit, "method" | "signal">,
  ): Promise<Response>;
  readonly url: string;
}

/** Serves the guards. @returns a function that sends a request of a tenant */
export type StartLimited = (guards: LimitedRoutes["guards"], handle?: LimitedRoutes["handle"]) => Promise<SendLimited>;

/** The remaining units of each policy in a response. */
export function remainingOf({ headers }: Response): Record<string, number> {
  const items = [...(headers.get("ratelimit") ?? "").matchAll(/"([^"]+)";r=(\d+)/g)];
  return Object.fromEntries(items.map(([, name = "", left]) => [name, Number(left)]));
}
