import { type HttpFacts, isPreflight } from "@scale/http";

/** Paths that probes ask, under any mount point. */
const HEALTH_PATH = /(?:^|\/)(?:health|healthz|livez|readyz)\/?$/u;

/**
 * True for requests that must never be refused or counted: probes, because a process that sheds load is alive, and streams
 * of server-sent events, which stay open and do no work meanwhile. A preflight is exempt too, because a browser takes its
 * refusal for a refusal of the origin.
 */
export function isExempt(facts: HttpFacts): boolean {
  const { method, url } = facts;
  if (isPreflight(facts) || facts.header("accept")?.includes("text/event-stream") === true) return true;
  const [path = ""] = url.split("?", 1);
  return (method === "GET" || method === "HEAD") && HEALTH_PATH.test(path);
}
