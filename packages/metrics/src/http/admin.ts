import { checkedCallback, booleanResult, functionOption, parseOptions } from "@scale/core/kit";
import { type HttpFacts, problem, type Reply } from "@scale/http";
import { z } from "zod";
import type { Rollups } from "../rollups/types.js";
import { getMetricsSummary } from "../summary/get-metrics-summary.js";
import type { Metrics } from "../types.js";

export interface MetricsAdminOptions {
  /**
   * Function that returns true for requests that may read the metrics of every tenant. There is no default: the routes show
   * which tenants there are and what they do.
   */
  readonly authorize: (facts: HttpFacts) => boolean | Promise<boolean>;
  /** Path before `/metrics` and `/admin/metrics`. @default "/api" */
  readonly basePath?: string;
  /** Hourly, daily and weekly figures of all processes: `redisRollups`. */
  readonly rollups?: Rollups;
}

/** The exposition of the metrics, which the caller streams. */
export interface ExpositionRoute {
  readonly exposition: true;
}

const optionsSchema = z.strictObject({
  authorize: functionOption<MetricsAdminOptions["authorize"]>(),
  basePath: z
    .string()
    .regex(/^(?:\/[\w.-]+)*$/, 'expected a path such as "/api"')
    .default("/api"),
  rollups: z.custom<Rollups>((value) => typeof value === "object" && value !== null && "read" in value).optional(),
});

const json = (body: unknown): Reply => ({
  status: 200,
  headers: { "content-type": "application/json", "cache-control": "no-store" },
  body,
});

/**
 * Answers the routes of the metrics; `undefined` for every other path.
 * `GET /api/metrics`, `/api/admin/metrics`, `/api/admin/metrics/summary`, `/api/admin/metrics/company/:tenantId` and
 * `/api/admin/metrics/problems`, each of them for authorized requests only.
 * @throws {ConfigError} with the name of the wrong option
 */
export function metricsRoutes(
  metrics: Metrics,
  options: MetricsAdminOptions,
): (facts: HttpFacts) => Promise<Reply | ExpositionRoute | undefined> {
  const { authorize, basePath, rollups } = parseOptions(optionsSchema, options, "metricsRoutes");
  const isAllowed = checkedCallback(authorize, booleanResult("metricsRoutes: authorize"));
  return async (facts) => {
    const path = pathOf(facts);
    if (path === undefined || !isRoute(path, basePath)) return undefined;
    if (facts.method !== "GET" && facts.method !== "HEAD")
      return problem({ title: "Method Not Allowed", status: 405, headers: { allow: "GET, HEAD" } });
    // The same answer for every path: an unauthorized caller does not learn which tenants there are.
    if (!(await isAllowed(facts)))
      return problem({ title: "Forbidden", status: 403, detail: "A valid admin credential is required." });
    if (path === `${basePath}/metrics`) return { exposition: true };
    return answer(metrics, { rest: path.slice(`${basePath}/admin/metrics`.length), facts, rollups });
  };
}

function isRoute(path: string, basePath: string): boolean {
  const admin = `${basePath}/admin/metrics`;
  return path === `${basePath}/metrics` || path === admin || path.startsWith(`${admin}/`);
}

interface Asked {
  readonly rest: string;
  readonly facts: HttpFacts;
  readonly rollups: Rollups | undefined;
}

async function answer(metrics: Metrics, { rest, facts, rollups }: Asked): Promise<Reply> {
  if (rest === "" || rest === "/summary") return json(getMetricsSummary(metrics));
  if (rest === "/problems") return json({ problems: metrics.problems() });
  const [, what, encoded, more] = rest.split("/");
  if (what !== "company" || encoded === undefined || encoded === "" || more !== undefined) return notFound();
  const tenantId = decoded(encoded);
  if (tenantId === undefined)
    return problem({ title: "Bad Request", status: 400, detail: "The tenant id is not valid." });
  const now = metrics.tenant(tenantId);
  const past = rollups && (await rollups.read(tenantId, { period: periodOf(facts) }));
  return now === undefined && (past === undefined || past.length === 0)
    ? notFound()
    : json({ tenantId, now, ...(past !== undefined && { rollups: past }) });
}

const notFound = (): Reply => problem({ title: "Not Found", status: 404, detail: "There are no figures for it." });

function periodOf({ url }: HttpFacts): "hour" | "day" | "week" {
  const asked = new URL(url, "http://localhost").searchParams.get("period");
  return asked === "day" || asked === "week" ? asked : "hour";
}

function pathOf({ url }: HttpFacts): string | undefined {
  return URL.canParse(url, "http://localhost") ? new URL(url, "http://localhost").pathname : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // A malformed escape names no tenant.
    return undefined;
  }
}
