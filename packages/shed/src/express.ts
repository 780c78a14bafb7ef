import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { degradationGuard, type DegradationOptions } from "./http/degradation/guard.js";
import { shedGuard, type ShedGuardOptions } from "./http/guard.js";
import type { Shedder } from "./shedder.js";

/** Sheds load from the routes after it. Mount it after the middleware that sets the tenant, and before all that does work. */
export function shed(shedder: Shedder, options?: ShedGuardOptions): NodeMiddleware {
  return toExpress(shedGuard(shedder, options));
}

/**
 * Serves the state and the control of breakers, flags and the shedder below `/api/degradation`: `app.use(degradation({ … }))`.
 * Requests of other paths pass. See `degradationGuard`.
 */
export function degradation(options: DegradationOptions): NodeMiddleware {
  return toExpress(degradationGuard(options));
}
