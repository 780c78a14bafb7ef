import { pipeline } from "node:stream";
import { factsFromNode, nodeHeaders, serializeReply, writeHeaders, endResponse } from "@scale/http/adapter";
import { type NodeMiddleware, toExpress } from "@scale/http/express";
import {
  expositionReply,
  metricsGuard,
  type MetricsGuardOptions,
  metricsRoutes,
  type MetricsAdminOptions,
} from "./http/index.js";
import type { Metrics } from "./types.js";

/** Records every request. Mount it after the middleware that sets the tenant, and before the routes. */
export const metricsMiddleware = (metrics: Metrics, options?: MetricsGuardOptions): NodeMiddleware =>
  toExpress(metricsGuard(metrics, options));

/**
 * Answers `/api/metrics` and the routes below `/api/admin/metrics`, for authorized requests. Other paths go on.
 * @throws {ConfigError} with the name of the wrong option
 */
export function metricsAdmin(metrics: Metrics, options: MetricsAdminOptions): NodeMiddleware {
  const route = metricsRoutes(metrics, options);
  return async (request, response, next) => {
    try {
      const facts = factsFromNode(request);
      const reply = await route(facts);
      if (reply === undefined) return next();
      if (!("exposition" in reply)) {
        const { status, headers, text } = serializeReply(reply);
        writeHeaders(headers, nodeHeaders(response));
        endResponse(response, status, facts.method === "HEAD" ? undefined : text);
        return;
      }
      const { status, headers, body } = await expositionReply(metrics, facts.header);
      response.writeHead(status, headers);
      // The client's end destroys the body; an error of either ends the other.
      pipeline(body, response, () => undefined);
    } catch (error) {
      next(error);
    }
  };
}
