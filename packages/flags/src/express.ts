import { type NodeMiddleware, toExpress } from "@scale/http/express";
import type { FlagDefinitions, FlagValue } from "./define.js";
import type { Flags } from "./flags.js";
import { flagGuard, type FlagGuardOptions } from "./http.js";

/** Answers the routes after it only while a flag is on for the request. Mount it after the middleware that sets the tenant. */
export function requireFlag<D extends FlagDefinitions, K extends keyof D & string>(
  flags: Flags<D>,
  key: K,
  options?: FlagGuardOptions<FlagValue<D, K>>,
): NodeMiddleware {
  return toExpress(flagGuard(flags, key, options));
}
