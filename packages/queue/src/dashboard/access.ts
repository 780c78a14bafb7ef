import { AsyncLocalStorage } from "node:async_hooks";
import { type HttpFacts, type HttpGuard, problem, type Verdict } from "@scale/http";
import { accessOf, type QueueAccess } from "../http/access.js";
import type { ParsedDashboardOptions } from "./options.js";

/** bull-board asks its queues without the request: the access travels beside it. */
const current = new AsyncLocalStorage<QueueAccess>();

/** @throws {Error} outside of a request that was authorized: nothing is shown then */
export function currentAccess(): QueueAccess {
  const access = current.getStore();
  if (access === undefined) throw new Error("the dashboard was asked without an authorized request");
  return access;
}

/** The guard in front of the board, and the way from a request that passed it into the board. */
export interface DashboardGate {
  readonly guard: HttpGuard;
  /** Runs `fn`, and all it starts, with the access of a request that the guard let pass. */
  enter<T>(request: object, fn: () => T): T;
}

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "frame-ancestors 'none'",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export function createGate({ authorize }: Pick<ParsedDashboardOptions, "authorize">): DashboardGate {
  const passed = new WeakMap<object, QueueAccess>();

  async function guard(facts: HttpFacts): Promise<Verdict> {
    if (facts.method !== "GET" && facts.method !== "HEAD") {
      const detail = "This dashboard only shows jobs.";
      return { reply: problem({ title: "Method Not Allowed", status: 405, detail, headers: { allow: "GET, HEAD" } }) };
    }
    if (isForeign(facts)) {
      const detail = "The dashboard answers to its own pages only.";
      return { reply: problem({ title: "Forbidden", status: 403, detail }) };
    }
    const allowed = await accessOf(authorize, facts);
    if ("reply" in allowed) return allowed;
    if (typeof facts.raw === "object" && facts.raw !== null) passed.set(facts.raw, allowed.access);
    return { headers: HEADERS };
  }

  return {
    guard,
    enter(request, fn) {
      const access = passed.get(request);
      if (access === undefined) throw new Error("the dashboard was entered without its guard");
      return current.run(access, fn);
    },
  };
}

/** True for a request that a page of another origin has sent. A link to the dashboard is a navigation. */
function isForeign({ header }: HttpFacts): boolean {
  const origin = header("origin");
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== header("host"))) return true;
  const site = header("sec-fetch-site");
  const isOwn = site === undefined || site === "same-origin" || site === "none";
  return !isOwn && header("sec-fetch-mode") !== "navigate";
}
