import { type FetchHandler, toFetch } from "@scale/http/fetch";
import type { FlagDefinitions, FlagValue } from "./define.js";
import type { Flags } from "./flags.js";
import { flagGuard, type FlagGuardOptions } from "./http.js";

export interface FlagRouteOptions<D extends FlagDefinitions, K extends keyof D & string>
  extends FlagGuardOptions<FlagValue<D, K>> {
  readonly flags: Flags<D>;
  readonly key: K;
}

/** Runs a fetch handler, or a route handler of Next, only while a flag is on for the request. */
export function requireFlag<
  D extends FlagDefinitions,
  K extends keyof D & string,
  Args extends readonly [Request, ...unknown[]],
>(
  { flags, key, ...options }: FlagRouteOptions<D, K>,
  handler: FetchHandler<Args>,
): (...args: Args) => Promise<Response> {
  return toFetch(flagGuard(flags, key, options as FlagGuardOptions<FlagValue<D, K>>), handler);
}
