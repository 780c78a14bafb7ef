import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/fetch";
import type { Realtime } from "./realtime.js";
import { realtimeGuard } from "./http/index.js";

/** The guard in front of a fetch handler: Next, Hono, Bun, SvelteKit. */
export function withRealtime<Args extends readonly [Request, ...unknown[]]>(
  realtime: Realtime,
  handler: FetchHandler<Args>,
  options: ToFetchOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  return toFetch(realtimeGuard(realtime), handler, options);
}
