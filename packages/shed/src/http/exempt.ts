import { type HttpFacts, isPreflight } from "@scale/http";

/** Paths that probes ask. Not below any path: `/contacts/health` may be the contact of that name. */
const PROBE_PATH = /^\/(?:api\/)?(?:health|healthz|livez|readyz|startupz)(?:\/[a-z]+)?\/?$/u;

/**
 * True for requests that must never be refused or counted: probes, because a process that sheds load is alive, and preflights,
 * because a browser takes their refusal for a refusal of the origin.
 */
export function isExempt(facts: HttpFacts): boolean {
  if (isPreflight(facts)) return true;
  const [path = ""] = facts.url.split("?", 1);
  return (facts.method === "GET" || facts.method === "HEAD") && PROBE_PATH.test(path);
}
