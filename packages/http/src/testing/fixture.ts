import type { HttpGuard, Verdict } from "../types.js";
import type { ReceivedResponse, SendOptions } from "./client.js";
import type { ObservedRoutes } from "./routes.js";

/** Server, guard and routes that the cases of the adapter contract share. */
export interface AdapterFixture {
  /** Guard in front of the routes; each test sets it. */
  guard: HttpGuard;
  routes: ObservedRoutes;
  get(path: string, what?: SendOptions): Promise<ReceivedResponse>;
  url(path: string): string;
}

export const verdict: Verdict = { headers: { "X-Guard": "seen", RateLimit: '"api";r=9;t=60' } };

/** The headers of `verdict` as a client receives them. */
export const guardHeaders: Readonly<Record<string, string>> = { "x-guard": "seen", ratelimit: '"api";r=9;t=60' };
