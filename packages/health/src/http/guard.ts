import { ConfigError } from "@scale/core";
import {
  booleanResult,
  checkedCallback,
  createDeadline,
  describeValue,
  functionOption,
  parseOptions,
} from "@scale/core/kit";
import { type HttpFacts, type HttpGuard, problem, type Verdict } from "@scale/http";
import { z } from "zod";
import { authorizeFail } from "../events.js";
import type { Health } from "../health.js";
import { healthReply, type StatusBody } from "./reply.js";
import { type HealthPaths, pathOf, type Target, targetOf } from "./paths.js";

export interface HealthRouteOptions {
  /**
   * Predicate for callers that see the details of `/api/health`: checks, times, errors. All others see the status alone.
   * An error of it, and one that takes longer than a second, is a no: what it asks may be what is down.
   * @default no caller
   */
  readonly authorize?: (facts: HttpFacts) => boolean | Promise<boolean>;
  /** Paths in place of the default ones. */
  readonly paths?: HealthPaths;
}

const path = z.string().regex(/^\/[^?#]*$/, "expected a path that starts with /");

const optionsSchema = z.strictObject({
  authorize: functionOption<NonNullable<HealthRouteOptions["authorize"]>>().optional(),
  paths: z
    .strictObject({
      live: path.default("/livez"),
      ready: path.default("/readyz"),
      startup: path.default("/startupz"),
      report: path.default("/api/health"),
    })
    .prefault({}),
});

const AUTHORIZE_TIMEOUT_MS = 1_000;

/**
 * Replies to health probes, and lets every other request pass. Mount it before guards that may refuse: a probe has no tenant.
 * @throws {ConfigError} that names the wrong option
 */
export function healthGuard(health: Health, options: HealthRouteOptions = {}): HttpGuard {
  const { authorize, paths } = parseOptions(optionsSchema, options, "healthGuard");
  if (typeof health?.ready !== "function") {
    throw new ConfigError(`healthGuard: expected a health of createHealth, got ${describeValue(health)}`);
  }
  const isAuthorized = authorizer(authorize);
  return (facts) => {
    const target = targetOf(pathOf(facts.url), paths);
    if (target === undefined) return {};
    if (facts.method !== "GET" && facts.method !== "HEAD") return { reply: methodNotAllowed };
    return respond(health, { target, isAuthorized: () => isAuthorized(facts) });
  };
}

interface Probe {
  readonly target: Target;
  readonly isAuthorized: () => Promise<boolean>;
}

async function respond(health: Health, { target, isAuthorized }: Probe): Promise<Verdict> {
  const report = await reportOf(health, target);
  if (report === undefined) return {};
  // A probe never waits for `authorize`.
  const isDetailed = target.is === "report" && (await isAuthorized());
  return { reply: healthReply(report, isDetailed) };
}

async function reportOf(health: Health, target: Target): Promise<StatusBody | undefined> {
  if (target.is === "live") return health.live();
  if (target.is === "startup") return health.startup();
  if (target.is === "report" && target.group !== undefined) return health.group(target.group);
  return health.ready();
}

function authorizer(authorize: HealthRouteOptions["authorize"]): (facts: HttpFacts) => Promise<boolean> {
  if (authorize === undefined) return async () => false;
  const ask = checkedCallback(authorize, booleanResult("healthGuard: authorize"));
  const deadline = createDeadline(AUTHORIZE_TIMEOUT_MS);
  return async (facts) => {
    try {
      const answer = ask(facts);
      return typeof answer === "boolean" ? answer : await deadline(answer, "authorize of the health routes");
    } catch (error) {
      authorizeFail.publish(() => ({ error }));
      return false;
    }
  };
}

const methodNotAllowed = problem({ title: "Method Not Allowed", status: 405, headers: { allow: "GET, HEAD" } });
