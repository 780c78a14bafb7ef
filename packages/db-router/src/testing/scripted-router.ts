import { createManualClock, type ManualClock } from "@scale/core/testing";
import { onTestFinished } from "vitest";
import type { RouterOptions } from "../options.js";
import { createRouter, type Router } from "../router.js";
import type { RouteRequest, Route, Checkout } from "../types.js";
import { type ScriptedNode, scriptedNode } from "./scripted-node.js";

export interface ScriptedRouter {
  readonly router: Router;
  readonly clock: ManualClock;
  readonly p: ScriptedNode;
  readonly replicas: readonly ScriptedNode[];
}

/** A router that is closed after the test. */
export function closing(router: Router): Router {
  onTestFinished(() => router.close({ drainMs: 0 }));
  return router;
}

/** Polled by hand: the turns of the router itself are too far apart to come. */
export async function scriptedRouter(
  options: Partial<RouterOptions> = {},
  replicas: readonly ScriptedNode[] = [scriptedNode("a"), scriptedNode("b")],
): Promise<ScriptedRouter> {
  const clock = createManualClock();
  const p = scriptedNode("p", { isStandby: false });
  const lag = { pollMs: 4_000, pollTimeoutMs: 3_000_000, ...options.lag };
  const router = closing(createRouter({ primary: p, replicas, clock, ...options, lag, random: () => 0.5 }));
  await router.ready();
  return { router, clock, p, replicas };
}

export function placeOf(router: Router, need: RouteRequest = { intent: "read" }): Checkout {
  const seat = router.checkout(need);
  if (seat instanceof Promise) throw new Error("expected a place at once");
  return seat;
}

/** Where a statement that succeeds would have gone. */
export function routeOf(router: Router, need?: RouteRequest): Route {
  const seat = placeOf(router, need);
  seat.release({ wrote: need?.intent === "write" });
  return seat.route;
}

export const connectionLost: Error = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
