import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/fetch";
import type { Health } from "./health.js";
import { healthGuard } from "./http/index.js";

/** The guard in front of a fetch handler: Next, Hono, Bun, SvelteKit. */
export function withHealth<Args extends readonly [Request, ...unknown[]]>(
  health: Health,
  handler: FetchHandler<Args>,
  options: ToFetchOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  return toFetch(healthGuard(health), handler, options);
}
