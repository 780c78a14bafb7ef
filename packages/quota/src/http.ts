import { ConfigError, isScaleError, tenancy } from "@scale/core";
import {
  booleanResult,
  checkedCallback,
  describeValue,
  functionOption,
  optionalStringResult,
  parseOptions,
  wrongResult,
} from "@scale/core/kit";
import { type HttpFacts, type HttpGuard, problem, type Reply, type Verdict } from "@scale/http";
import { z } from "zod";
import { QuotaExceeded } from "./errors.js";
import { storeFail } from "./events.js";
import type { MetricStatus, QuotaCheck } from "./plan/status.js";
import type { QuotaRefusal } from "./types.js";

/** The part of a quota that the guards use: every quota whose metrics include `Name` has it. */
export interface QuotaChecker<Name extends string = string> {
  check(tenantId: string, metric: Name, units?: number): Promise<QuotaCheck>;
}

/** The part of a quota that the status guard uses. */
export interface QuotaStatusSource {
  status(tenantId: string): Promise<{ readonly metrics: Readonly<Record<string, MetricStatus>> }>;
}

export interface QuotaGuardOptions {
  /**
   * Units that the request would use.
   * @default 1
   */
  readonly cost?: number | ((facts: HttpFacts) => number | Promise<number>);
  /**
   * Tenant whose quota is checked.
   * @default the tenant of `tenancy.require()`
   */
  readonly tenant?: (facts: HttpFacts) => string | Promise<string>;
  /**
   * Decision when the count cannot be read: `allow` leaves it to the `use` or `reserve` of the handler.
   * @default "throw"
   */
  readonly whenStoreFails?: "allow" | "throw";
}

const isFunction = (value: unknown): boolean => typeof value === "function";

const guardSchema = z.strictObject({
  cost: z
    .union([z.int().min(0), functionOption<(facts: HttpFacts) => number | Promise<number>>("a number or a function")])
    .default(1),
  tenant: functionOption<NonNullable<QuotaGuardOptions["tenant"]>>().default(() => () => tenancy.require().tenantId),
  whenStoreFails: z.enum(["allow", "throw"]).default("throw"),
});

/**
 * Replies 402 or 403 before the handler runs, when the tenant has no room. This saves the work of reading a body, and
 * holds no units: `use` in the handler's transaction decides, or `reserve`.
 */
export function quotaGuard<Name extends string>(
  quota: QuotaChecker<Name>,
  metric: NoInfer<Name>,
  options: QuotaGuardOptions = {},
): HttpGuard {
  const { cost, tenant, whenStoreFails } = parseOptions(guardSchema, options, "quotaGuard");
  if (!isFunction(quota?.check)) throw new ConfigError(`quotaGuard: expected a quota, got ${describeValue(quota)}`);
  const tenantOf = checkedCallback(tenant, tenantResult);
  const costOf = typeof cost === "number" ? () => cost : checkedCallback(cost, costResult);
  return async (facts): Promise<Verdict> => {
    const found = tenantOf(facts);
    const tenantId = found instanceof Promise ? await found : found;
    const costs = costOf(facts);
    const units = costs instanceof Promise ? await costs : costs;
    try {
      const { refusal } = await quota.check(tenantId, metric, units);
      return refusal === undefined ? {} : { reply: quotaReply(refusal) };
    } catch (error) {
      if (!isScaleError(error, "SCALE_STORE") && !isScaleError(error, "SCALE_TIMEOUT")) throw error;
      storeFail.publish(() => ({ tenantId, metrics: [metric], decided: whenStoreFails, error }));
      if (whenStoreFails === "throw") throw error;
      return {};
    }
  };
}

function tenantResult(result: unknown): string {
  if (typeof result === "string") return result;
  throw wrongResult("quotaGuard: tenant", "the id of a tenant", result);
}

function costResult(result: unknown): number {
  if (Number.isSafeInteger(result) && (result as number) >= 0) return result as number;
  throw wrongResult("quotaGuard: cost", "an integer >= 0", result);
}

/** The problem document of a refusal: 402 when a larger plan has room, otherwise 403. */
export function quotaReply(refusal: QuotaRefusal): Reply {
  const { status, code, problem: members } = new QuotaExceeded(refusal);
  return problem({ title: status === 402 ? "Payment Required" : "Forbidden", status, code, ...members });
}

export interface QuotaStatusOptions {
  /**
   * Check whether this request may see this tenant's quotas. Without a default: quotas tell how a customer fares. Anything but
   * true or false is an error.
   */
  readonly authorize: (facts: HttpFacts, tenantId: string) => boolean | Promise<boolean>;
  /**
   * Tenant that the request names; `undefined` for a request without one.
   * @default the last segment of the path
   */
  readonly tenant?: (facts: HttpFacts) => string | null | undefined | Promise<string | null | undefined>;
}

const statusSchema = z.strictObject({
  authorize: functionOption<QuotaStatusOptions["authorize"]>("a function that decides which requests may see quotas"),
  tenant: functionOption<NonNullable<QuotaStatusOptions["tenant"]>>().default(() => lastSegment),
});

/** Replies to every request, `GET /api/admin/quotas/:tenantId` for example, with the quotas of that tenant. */
export function quotaStatusGuard(quota: QuotaStatusSource, options: QuotaStatusOptions): HttpGuard {
  const { authorize, tenant } = parseOptions(statusSchema, options, "quotaStatusGuard");
  if (!isFunction(quota?.status))
    throw new ConfigError(`quotaStatusGuard: expected a quota, got ${describeValue(quota)}`);
  const mayShow = checkedCallback(authorize, booleanResult("quotaStatusGuard: authorize"));
  const tenantOf = checkedCallback(tenant, optionalStringResult("quotaStatusGuard: tenant"));
  return async (facts): Promise<Verdict> => {
    if (facts.method !== "GET" && facts.method !== "HEAD") return { reply: notAllowed };
    const tenantId = await tenantOf(facts);
    if (tenantId === undefined || tenantId === "") return { reply: unknownTenant };
    if (!(await mayShow(facts, tenantId))) return { reply: forbidden };
    try {
      const { metrics } = await quota.status(tenantId);
      const entries = Object.entries(metrics).map(([name, status]) => [name, toJson(status)]);
      const headers = { "cache-control": "no-store" };
      return { reply: { status: 200, headers, body: { tenantId, metrics: Object.fromEntries(entries) } } };
    } catch (error) {
      // 403: the application does not know the tenant, or its plan has no quotas.
      if (isScaleError(error, "SCALE_PLAN") && "status" in error && error.status === 403)
        return { reply: unknownTenant };
      throw error;
    }
  };
}

const notAllowed = problem({ title: "Method Not Allowed", status: 405, headers: { allow: "GET, HEAD" } });
const unknownTenant = problem({ title: "Not Found", status: 404, detail: "There is no such tenant." });
const forbidden = problem({ title: "Forbidden", status: 403, detail: "These quotas are not yours to see." });

function lastSegment({ url }: HttpFacts): string | undefined {
  const [path = ""] = url.split("?");
  try {
    return decodeURIComponent(path.split("/").at(-1) ?? "");
  } catch {
    // Invalid percent encoding: it is not the id of a tenant.
    return undefined;
  }
}

/** JSON writes Infinity as null; times become ISO strings. */
function toJson({ resetsAt, asOf, ...status }: MetricStatus): Record<string, unknown> {
  const iso = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
  return { ...status, resetsAt: iso(resetsAt), asOf: iso(asOf) };
}
