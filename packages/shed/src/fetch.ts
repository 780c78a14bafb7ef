import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/fetch";
import { degradationGuard, type DegradationOptions } from "./http/degradation/guard.js";
import { shedGuard, type ShedGuardOptions } from "./http/guard.js";
import type { Shedder } from "./shedder.js";

export type ShedRouteOptions<Args extends readonly [Request, ...unknown[]]> = ShedGuardOptions & ToFetchOptions<Args>;

/** Sheds load from a fetch handler: a Next route handler, or any function from a `Request` to a `Response`. */
export function shed<Args extends readonly [Request, ...unknown[]]>(
  shedder: Shedder,
  handler: FetchHandler<Args>,
  options: ShedRouteOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  const { remoteAddress, ...guardOptions } = options;
  return toFetch(shedGuard(shedder, guardOptions), handler, remoteAddress && { remoteAddress });
}

/**
 * A fetch handler that serves the state and the control of breakers, flags and the shedder below `/api/degradation`. In Next
 * it is the `GET`, `PUT` and `POST` of `app/api/degradation/[...path]/route.ts`. See `degradationGuard`.
 */
export function degradation(options: DegradationOptions): (request: Request) => Promise<Response> {
  return toFetch(degradationGuard(options), (_request: Request) => new Response(null, { status: 404 }));
}
