import { clientIp, type ResponseEnd } from "@scale/http";
import type { NodeMiddleware } from "@scale/http/express";
import { createRateLimiter } from "@scale/rate-limit";
import { rateLimit } from "@scale/rate-limit/express";

/** Name of the limiter in events. */
export const ADDRESS_LIMITER = "address";

/** Requests of one address in a minute that name no tenant of the product. */
const REFUSED_PER_MINUTE = 600;

/** There is no proxy in front of this process, so that a forwarding header was written by the client. */
const addressOf = clientIp({ trust: "none" });

/**
 * Limits the requests of an address whose tenant is missing or unknown, before the tenant is resolved: made-up tenants would
 * otherwise cost a database look-up each, before any limit of a tenant applies. Requests of known tenants get their unit
 * back with the response. The counts are in the memory of this process, because the limit protects this process and must
 * not cost a call.
 */
export function limitStrangers(): NodeMiddleware {
  const limiter = createRateLimiter({
    name: ADDRESS_LIMITER,
    rules: { ip: { limit: REFUSED_PER_MINUTE, window: "1m" } },
  });
  return rateLimit(limiter, {
    subject: (facts) => ({ ip: addressOf(facts) ?? UNKNOWN_ADDRESS }),
    chargeWhen: namesNoTenant,
    // A caller that is not known yet learns nothing about the limits.
    headers: [],
  });
}

/** The socket was closed already. Such requests share one count. */
const UNKNOWN_ADDRESS = "0.0.0.0";

/** Without a status the client left before it had an answer: its request stays charged. */
const namesNoTenant = ({ status }: ResponseEnd): boolean =>
  status === undefined || status === 400 || status === 401 || status === 403;
