import { type FetchHandler, toFetch } from "@scale/http/fetch";
import {
  type QuotaChecker,
  quotaGuard,
  type QuotaGuardOptions,
  quotaStatusGuard,
  type QuotaStatusOptions,
  type QuotaStatusSource,
} from "./http.js";

/**
 * Puts a quota in front of a route handler: `export const POST = checkQuota(quota, "patients")(handler)`. Requests are
 * refused early when the tenant has no room, and errors that `use` and `reserve` throw in the handler get the same reply.
 */
export function checkQuota<Name extends string>(
  quota: QuotaChecker<Name>,
  metric: NoInfer<Name>,
  options?: QuotaGuardOptions,
): <Args extends readonly [Request, ...unknown[]]>(
  handler: FetchHandler<Args>,
) => (...args: Args) => Promise<Response> {
  const guard = quotaGuard<Name>(quota, metric, options);
  return (handler) => toFetch(guard, handler);
}

/** A route handler that returns a tenant's quotas: `export const GET = quotaStatus(quota, { authorize })`. */
export function quotaStatus(
  quota: QuotaStatusSource,
  options: QuotaStatusOptions,
): (request: Request) => Promise<Response> {
  const unanswered = (): Response => new Response(null, { status: 404 });
  return toFetch<[Request]>(quotaStatusGuard(quota, options), unanswered);
}
