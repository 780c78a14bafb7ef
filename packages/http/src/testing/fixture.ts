import type { HttpGuard, Verdict } from "../types.js";
import type { Received, ToSend } from "./client.js";
import type { ObservedRoutes } from "./routes.js";

/** What a case of the adapter contract works with. */
export interface AdapterFixture {
  /** What the guard in front of the routes does; a test sets it. */
  guard: HttpGuard;
  routes: ObservedRoutes;
  get(path: string, what?: ToSend): Promise<Received>;
  url(path: string): string;
}

export const verdict: Verdict = { headers: { "X-Guard": "seen", RateLimit: '"api";r=9;t=60' } };

/** The same as a client receives them. */
export const guardHeaders: Readonly<Record<string, string>> = { "x-guard": "seen", ratelimit: '"api";r=9;t=60' };
