import { type Clock, systemClock, tenancy } from "@scale/core";
import { clockOption, functionOption, parseOptions } from "@scale/core/kit";
import type { HttpFacts, HttpGuard } from "@scale/http";
import { z } from "zod";
import { feedFail } from "../events.js";
import type { Metrics } from "../types.js";

export interface MetricsGuardOptions {
  /**
   * Function that returns the pattern of the route, called when the response has ended. Never return the path of the request:
   * each result is a series.
   * @default the route of Express or Fastify, and `unmatched` without one
   */
  readonly route?: (facts: HttpFacts) => string;
  /**
   * Function that returns the id of the tenant, called when the response has ended: for a guard that runs before the tenant is
   * known, so that requests without a valid tenant are recorded too.
   * @default the tenant of `tenancy.current()` when the guard runs
   */
  readonly tenant?: (facts: HttpFacts) => string | undefined;
  /** Function that returns true for requests that are not recorded. */
  readonly skip?: (facts: HttpFacts) => boolean;
  /** Clock, for tests. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  route: functionOption<NonNullable<MetricsGuardOptions["route"]>>().default(() => routeOf),
  tenant: functionOption<NonNullable<MetricsGuardOptions["tenant"]>>().optional(),
  skip: functionOption<NonNullable<MetricsGuardOptions["skip"]>>().optional(),
  clock: clockOption.default(systemClock),
});

/**
 * Records the time, the status and the route of every request, for the tenant of the request. It denies nothing. Put it after
 * the guard that sets the tenant, or pass `tenant`: without either, requests count as those of no tenant.
 * @throws {ConfigError} with the name of the wrong option
 */
export function metricsGuard(metrics: Metrics, options: MetricsGuardOptions = {}): HttpGuard {
  const { route, tenant, skip, clock } = parseOptions(optionsSchema, options, "metricsGuard");
  return (facts) => {
    if (skip !== undefined && attempt("skip", () => skip(facts)) === true) return {};
    const startedAt = clock.monotonic();
    const before = tenant === undefined ? tenancy.current()?.tenantId : undefined;
    return {
      onEnd({ status }) {
        const durationMs = clock.monotonic() - startedAt;
        const tenantId = tenant === undefined ? before : attempt("tenant", () => tenant(facts));
        const pattern = attempt("route", () => route(facts)) ?? UNMATCHED;
        metrics.record.request({ tenantId, method: facts.method, route: pattern, status, durationMs });
      },
    };
  };
}

/** Runs a function of the application. An error of it is published: to measure a request must not fail it. */
function attempt<T>(name: string, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    feedFail.publish(() => ({ source: `metricsGuard ${name}`, error }));
    return undefined;
  }
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
  if (route === undefined || typeof route.path !== "string") return UNMATCHED;
  const base = typeof baseUrl === "string" ? baseUrl : "";
  return isFixed(route, base) ? base + route.path : route.path;
}

const UNMATCHED = "unmatched";
/** Bases of a route that are taken for those that it is mounted at. */
const MAX_BASES = 8;
const bases = new WeakMap<object, Set<string>>();

/**
 * True for a base that is no path of a request. The base of a router that is mounted at a pattern, `/:tenant`, is what the
 * client sent: it is left out when it looks like an id, and when a route has had many.
 */
function isFixed(route: object, base: string): boolean {
  if (base === "") return true;
  if (/\d|[0-9a-f-]{16,}/i.test(base)) return false;
  const known = bases.get(route) ?? new Set<string>();
  bases.set(route, known);
  if (known.size < MAX_BASES) known.add(base);
  return known.has(base);
}
