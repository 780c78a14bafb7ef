import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/fetch";
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
