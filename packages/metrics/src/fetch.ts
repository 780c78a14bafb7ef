import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/fetch";
import type { Metrics } from "./metrics.js";
import { metricsGuard } from "./http/index.js";

/** The guard in front of a fetch handler: Next, Hono, Bun, SvelteKit. */
export function withMetrics<Args extends readonly [Request, ...unknown[]]>(
  metrics: Metrics,
  handler: FetchHandler<Args>,
  options: ToFetchOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  return toFetch(metricsGuard(metrics), handler, options);
}
