import { createManualClock, type ManualClock } from "@scale/core/testing";
import { onTestFinished } from "vitest";
import type { RouterOptions } from "../src/options.js";
import { createRouter, type Router } from "../src/router.js";
import type { RouteRequest, Route, Checkout } from "../src/types.js";
import { type ScriptedNode, scriptedNode } from "./scripted-node.js";

export interface ScriptedRouter {
  readonly router: Router;
  readonly clock: ManualClock;
  readonly p: ScriptedNode;
  readonly replicas: readonly ScriptedNode[];
}

/** A router that is closed after the test. */
export function closeAfterTest(router: Router): Router {
  onTestFinished(() => router.close({ drainMs: 0 }));
  return router;
}

/** A router whose polls the test triggers: its own interval is too long to elapse. */
export async function scriptedRouter(
  options: Partial<RouterOptions> = {},
  replicas: readonly ScriptedNode[] = [scriptedNode("a"), scriptedNode("b")],
): Promise<ScriptedRouter> {
  const clock = createManualClock();
  const p = scriptedNode("p", { isStandby: false });
  const lag = { pollMs: 4_000, pollTimeoutMs: 3_000_000, ...options.lag };
  const router = closeAfterTest(createRouter({ primary: p, replicas, clock, ...options, lag, random: () => 0.5 }));
  await router.ready();
  return { router, clock, p, replicas };
}

export function checkoutOf(router: Router, request: RouteRequest = { intent: "read" }): Checkout {
  const checkout = router.checkout(request);
  if (checkout instanceof Promise) throw new Error("expected an immediate checkout");
  return checkout;
}

/** The route of a statement that succeeds. */
export function routeOf(router: Router, request?: RouteRequest): Route {
  const checkout = checkoutOf(router, request);
  checkout.release({ wrote: request?.intent === "write" });
  return checkout.route;
}

export const connectionLost: Error = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
