import { type Clock, systemClock, tenancy } from "@scale/core";
import { clockOption, functionOption, parseOptions } from "@scale/core/kit";
import type { HttpFacts, HttpGuard } from "@scale/http";
import { z } from "zod";
import type { Metrics } from "../types.js";

export interface MetricsGuardOptions {
  /**
   * Function that returns the pattern of the route, called when the response has ended. Never return the path of the request:
   * each result is a series.
   * @default the route of Express or Fastify, and `unmatched` without one
   */
  readonly route?: (facts: HttpFacts) => string;
  /** Function that returns true for requests that are not recorded. */
  readonly skip?: (facts: HttpFacts) => boolean;
  /** Clock, for tests. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  route: functionOption<NonNullable<MetricsGuardOptions["route"]>>().default(() => routeOf),
  skip: functionOption<NonNullable<MetricsGuardOptions["skip"]>>().optional(),
  clock: clockOption.default(systemClock),
});

/**
 * Records the time, the status and the route of every request, for the tenant of the request. It denies nothing. Put it after
 * the guard that sets the tenant: before it, requests count as those of no tenant.
 * @throws {ConfigError} with the name of the wrong option
 */
export function metricsGuard(metrics: Metrics, options: MetricsGuardOptions = {}): HttpGuard {
  const { route, skip, clock } = parseOptions(optionsSchema, options, "metricsGuard");
  return (facts) => {
    if (skip?.(facts) === true) return {};
    const startedAt = clock.monotonic();
    const tenantId = tenancy.current()?.tenantId;
    return {
      onEnd({ status }) {
        const durationMs = clock.monotonic() - startedAt;
        metrics.record.request({ tenantId, method: facts.method, route: route(facts), status, durationMs });
      },
    };
  };
}

/** The pattern of the route that Express or Fastify has found. */
function routeOf({ raw }: HttpFacts): string {
  if (typeof raw !== "object" || raw === null) return UNMATCHED;
  const { baseUrl, route, routeOptions } = raw as {
    readonly baseUrl?: unknown;
    readonly route?: { readonly path?: unknown };
    readonly routeOptions?: { readonly url?: unknown };
  };
  if (typeof routeOptions?.url === "string") return routeOptions.url;
  const path = route?.path;
  // The base of a mounted router is the path of the request where its pattern has parameters: it is left out then.
  if (typeof path === "string") return typeof baseUrl === "string" && isFixed(baseUrl) ? baseUrl + path : path;
  return UNMATCHED;
}

const UNMATCHED = "unmatched";

/** True for a base without parts that look like ids. */
const isFixed = (base: string): boolean => !/\d|[0-9a-f-]{16,}/i.test(base);
