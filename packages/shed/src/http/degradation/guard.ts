import { ConfigError } from "@scale/core";
import {
  booleanResult,
  checkedCallback,
  functionOption,
  hasMethod,
  methodOption,
  parseOptions,
  wrongResult,
} from "@scale/core/kit";
import { type HttpFacts, type HttpGuard, problem, type Reply } from "@scale/http";
import { z } from "zod";
import type { Shedder } from "../../shedder.js";
import { type Route, routeOf } from "./routes.js";
import type { ControlledCircuit, ControlledFlags } from "./sources.js";

export interface DegradationOptions {
  /**
   * Check whether this request may see and control the process. Anything but true or false is an error.
   * @default () => false: every request gets 403
   */
  readonly authorize?: (facts: HttpFacts) => boolean | Promise<boolean>;
  /**
   * Author of a change, from the login for example. It appears in the events of the change.
   * @default the member `by` of the body, which a request of a change then needs
   */
  readonly author?: (facts: HttpFacts) => string | Promise<string>;
  /** Breakers and registries of breakers of `@scale/breaker`. @default [] */
  readonly breakers?: readonly ControlledCircuit[];
  /** Flags of `@scale/flags`. */
  readonly flags?: ControlledFlags;
  readonly shedder?: Shedder;
  /**
   * Path of the routes, as clients send it. Requests of other paths pass.
   * @default "/api/degradation"
   */
  readonly path?: string;
  /**
   * Breakers that are listed of each registry, the worst first.
   * @default 100
   */
  readonly maxCircuits?: number;
}

const optionsSchema = z.strictObject({
  authorize: functionOption<NonNullable<DegradationOptions["authorize"]>>().default(() => () => false),
  author: functionOption<NonNullable<DegradationOptions["author"]>>().optional(),
  breakers: z
    .array(
      z.custom<ControlledCircuit>(
        (value) => hasMethod(value, "setMode") || hasMethod(value, "worst"),
        "expected a breaker or breakers of @scale/breaker",
      ),
    )
    .default([]),
  flags: methodOption<ControlledFlags>("unkill", "flags of createFlags").optional(),
  shedder: methodOption<Shedder>("stats", "a shedder").optional(),
  path: z
    .string()
    .regex(/^\/[^?#]*[^/?#]$/u, "expected a path that starts with / and does not end with it")
    .default("/api/degradation"),
  maxCircuits: z.int().min(1).max(10_000).default(100),
});

/**
 * Replies to the requests below `path`: `GET /circuits`, `GET /health` and `GET /flags` show how far the process is degraded, and `PUT /circuits/:name`, `PUT /flags/:flag` and `POST /flags/:flag/kill` (or `unkill`) change it. All of them
 * are closed to requests that `authorize` does not admit.
 * @throws {ConfigError} that names the wrong option, and for two breakers of one name
 */
export function degradationGuard(options: DegradationOptions): HttpGuard {
  const { authorize, author, path, ...sources } = parseOptions(optionsSchema, options, "degradationGuard");
  refuseTwins(sources.breakers);
  const mayUse = checkedCallback(authorize, booleanResult("degradationGuard: authorize"));
  const authorOf = author && checkedCallback(author, authorResult);
  return async (facts) => {
    const segments = segmentsBelow(path, facts.url);
    if (segments === undefined) return {};
    if (!(await mayUse(facts))) return { reply: forbidden };
    const route = routeOf(segments, { ...sources, authorOf });
    return { reply: route === undefined ? notFound : await replyOf(route, facts) };
  };
}

async function replyOf(route: Route, facts: HttpFacts): Promise<Reply> {
  // The adapters send no body to HEAD.
  const method = facts.method === "HEAD" ? "GET" : facts.method;
  const handler = Object.hasOwn(route, method) ? route[method as keyof Route] : undefined;
  if (handler === undefined) return notAllowed(route);
  return { status: 200, headers: { "cache-control": "no-store" }, body: await handler(facts) };
}

/** The decoded segments below the path; `undefined` for another path, and none for one with an invalid encoding. */
function segmentsBelow(path: string, url: string): readonly string[] | undefined {
  const [own = ""] = url.split("?", 1);
  if (own !== path && !own.startsWith(`${path}/`)) return undefined;
  try {
    return own
      .slice(path.length + 1)
      .split("/")
      .map(decodeURIComponent);
  } catch {
    return [];
  }
}

function refuseTwins(breakers: readonly ControlledCircuit[]): void {
  const names = breakers.map(({ name }) => name);
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) {
    throw new ConfigError(`degradationGuard: breakers: expected one of each name, got two of ${JSON.stringify(twin)}`);
  }
}

function authorResult(result: unknown): string {
  if (typeof result === "string" && result !== "") return result;
  throw wrongResult("degradationGuard: author", "the name of the author", result);
}

const forbidden = problem({
  title: "Forbidden",
  status: 403,
  detail: "The degradation of this service is not yours to see.",
});
const notFound = problem({ title: "Not Found", status: 404 });

function notAllowed(route: Route): Reply {
  const methods = Object.keys(route).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : method));
  return problem({ title: "Method Not Allowed", status: 405, headers: { allow: methods.join(", ") } });
}
