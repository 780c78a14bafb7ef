import { Readable } from "node:stream";
import { factsFromFetch, problemFromError, serializeReply } from "@scale/http/adapter";
import { type FetchHandler, toFetch, type ToFetchOptions } from "@scale/http/fetch";
import {
  expositionReply,
  metricsGuard,
  type MetricsGuardOptions,
  metricsRoutes,
  type MetricsAdminOptions,
} from "./http/index.js";
import type { Metrics } from "./types.js";

export interface WithMetricsOptions<Args extends readonly [Request, ...unknown[]]>
  extends ToFetchOptions<Args>,
    MetricsGuardOptions {}

/** Records the requests of a fetch handler: Next, Hono, Bun, SvelteKit. Give `route`: a `Request` has no pattern. */
export function withMetrics<Args extends readonly [Request, ...unknown[]]>(
  metrics: Metrics,
  handler: FetchHandler<Args>,
  options: WithMetricsOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  const { remoteAddress, ...guardOptions } = options;
  return toFetch(metricsGuard(metrics, guardOptions), handler, remoteAddress === undefined ? {} : { remoteAddress });
}

/**
 * Answers `/api/metrics` and the routes below `/api/admin/metrics` of a fetch runtime, for authorized requests, and 404 for
 * every other path.
 * @throws {ConfigError} with the name of the wrong option
 */
export function metricsHandler(
  metrics: Metrics,
  options: MetricsAdminOptions,
): (request: Request) => Promise<Response> {
  const route = metricsRoutes(metrics, options);
  return async (request) => {
    const facts = factsFromFetch(request);
    const reply = await route(facts).catch((error: unknown) => {
      const problem = problemFromError(error);
      if (problem === undefined) throw error;
      return problem;
    });
    if (reply === undefined) return new Response(null, { status: 404 });
    if (!("exposition" in reply)) {
      const { status, headers, text } = serializeReply(reply);
      return new Response(facts.method === "HEAD" ? null : (text ?? null), { status, headers: { ...headers } });
    }
    const { status, headers, body } = await expositionReply(metrics, facts.header);
    // The types of Node's web streams and those of fetch differ by name only.
    return new Response(Readable.toWeb(body) as ReadableStream<Uint8Array>, { status, headers: { ...headers } });
  };
}
