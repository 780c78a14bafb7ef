import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { shedGuard, type ShedGuardOptions } from "./http/guard.js";
import type { Shedder } from "./shedder.js";

/** Sheds load from the routes after it. Mount it after the middleware that sets the tenant, and before all that does work. */
export function shed(shedder: Shedder, options?: ShedGuardOptions): NodeMiddleware {
  return toExpress(shedGuard(shedder, options));
}
