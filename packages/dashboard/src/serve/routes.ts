import { booleanResult, checkedCallback, createDeadline } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import type { Operator } from "../actions/operator.js";
import { type SourceFailed, sourceFail } from "../channels.js";
import type { DecisionLog } from "../events/decisions.js";
import type { EventRecorder } from "../events/recorder.js";
import type { Feed } from "../feed/feed.js";
import type { ParsedDashboardOptions } from "../options.js";
import type { Snapshot } from "../types.js";
import { SECURITY_HEADERS } from "./headers.js";
import { gzipped, pageFile } from "./page-file.js";
import { isForeign } from "./same-origin.js";

export interface RouteParts {
  readonly options: ParsedDashboardOptions;
  readonly feed: Feed;
  readonly recorder: EventRecorder;
  readonly decisions: DecisionLog;
  readonly operator: Operator;
  readonly snapshot: () => Promise<Snapshot>;
}

const READ_TIMEOUT_MS = 5_000;
const MAX_SEARCH = 200;
const FOUND = 20;

/** Answers the requests below the path of the dashboard. */
export function createRoutes(parts: RouteParts): (facts: HttpFacts) => Promise<Response | undefined> {
  const { path, authorize, actions } = parts.options;
  const attempt = attempts();
  const permits = (predicate: typeof authorize, option: string) => {
    const isAllowed = checkedCallback(predicate, booleanResult(`createDashboard: ${option}`));
    return async (facts: HttpFacts): Promise<boolean> => (await attempt("authorize", () => isAllowed(facts))) === true;
  };
  const maySee = permits(authorize, "authorize");
  const mayAct = permits(actions.authorize, "actions.authorize");
  return async (facts) => {
    const [target = "", query = ""] = facts.url.split("?", 2);
    if (target !== path && !target.startsWith(`${path}/`)) return undefined;
    const rest = target.slice(path.length + 1).replace(/\/$/, "");
    const action = ACTION.exec(rest);
    const methods = action === null ? ["GET", "HEAD"] : ["POST"];
    if (!methods.includes(facts.method)) return refuse(405, { allow: methods.join(", ") });
    if (action !== null && isForeign(facts)) return refuse(403);
    if (!(await maySee(facts))) return refuse(403);
    if (action !== null) return (await mayAct(facts)) ? act(parts.operator, action, facts) : refuse(403);
    if (rest === "events") return stream(parts.feed);
    if (rest === "data") return json(await attempt("read", parts.snapshot));
    if (rest === "search") return json(await attempt("search", () => search(parts, query)));
    if (rest.startsWith("tenants/")) {
      const tenantId = decode(rest.slice("tenants/".length));
      return tenantId === undefined ? refuse(404) : json(await attempt("tenant", () => tenantPage(parts, tenantId)));
    }
    return file(rest === "" ? "index.html" : rest, path, facts);
  };
}

const ACTION = /^actions\/([^/]+)\/(start|end)$/;

/** Starts or ends an action. The response does not wait for its effect, which the stream shows. */
function act(operator: Operator, [, id = "", verb]: RegExpExecArray, facts: HttpFacts): Response {
  const outcome = verb === "start" ? operator.start(id, facts) : operator.end(id);
  if (outcome === "unknown") return refuse(404);
  if (outcome === "refused") return refuse(409);
  return Response.json({ outcome }, { status: 202, headers: SECURITY_HEADERS });
}

/** Runs a call of the application. Its failure, and a late answer, is published and becomes `undefined`. */
function attempts(): <T>(operation: SourceFailed["operation"], call: () => T | Promise<T>) => Promise<T | undefined> {
  const deadline = createDeadline(READ_TIMEOUT_MS);
  return async (operation, call) => {
    try {
      return await deadline((async () => call())(), operation);
    } catch (error) {
      sourceFail.publish(() => ({ operation, error }));
      return undefined;
    }
  };
}

async function search({ options }: RouteParts, query: string): Promise<unknown> {
  const text = (new URLSearchParams(query).get("q") ?? "").slice(0, MAX_SEARCH);
  const found = text === "" ? [] : ((await options.source.search?.(text)) ?? []);
  return { tenants: found.slice(0, FOUND) };
}

async function tenantPage({ options, recorder, decisions }: RouteParts, tenantId: string): Promise<unknown> {
  const details = (await options.source.tenant?.(tenantId)) ?? null;
  return { tenantId, details, decisions: decisions.of(tenantId), events: recorder.last(50, tenantId) };
}

function stream(feed: Feed): Response {
  const body = feed.open();
  if (body === undefined) return refuse(503, { "retry-after": "10" });
  return new Response(body, {
    // A proxy that collects the response would deliver the first message when the last one was sent.
    headers: { ...SECURITY_HEADERS, "content-type": "text/event-stream", "x-accel-buffering": "no" },
  });
}

function json(body: unknown): Response {
  if (body === undefined) return refuse(503, { "retry-after": "1" });
  return Response.json(body, { headers: SECURITY_HEADERS });
}

function file(name: string, base: string, facts: HttpFacts): Response {
  const found = pageFile(name, base);
  if (found === undefined) return refuse(404);
  const headers = { ...SECURITY_HEADERS, "content-type": found.type, vary: "accept-encoding" };
  const isZipped = facts.header("accept-encoding")?.includes("gzip") === true;
  if (!isZipped) return new Response(found.body, { headers });
  return new Response(gzipped(found.body), { headers: { ...headers, "content-encoding": "gzip" } });
}

const TITLES: Readonly<Record<number, string>> = {
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  503: "Service Unavailable",
};

function refuse(status: number, headers: Readonly<Record<string, string>> = {}): Response {
  const body = { title: TITLES[status], status };
  return Response.json(body, {
    status,
    headers: { ...SECURITY_HEADERS, ...headers, "content-type": "application/problem+json" },
  });
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A malformed escape is the id of no tenant.
    return undefined;
  }
}
