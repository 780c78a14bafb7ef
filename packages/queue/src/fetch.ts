import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/fetch";
import type { Queue } from "./queue.js";
import { queueGuard } from "./http/index.js";

/** The guard in front of a fetch handler: Next, Hono, Bun, SvelteKit. */
export function withQueue<Args extends readonly [Request, ...unknown[]]>(
  queue: Queue,
  handler: FetchHandler<Args>,
  options: ToFetchOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  return toFetch(queueGuard(queue), handler, options);
}
