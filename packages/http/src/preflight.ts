import type { HttpFacts } from "./types.js";

/**
 * True for a CORS preflight. A browser sends it without the credentials of the request, and takes a refusal for a refusal of
 * the origin.
 * Source: Fetch standard, section 4.8.
 */
export function isPreflight(facts: HttpFacts): boolean {
  return facts.method === "OPTIONS" && facts.header("access-control-request-method") !== undefined;
}
