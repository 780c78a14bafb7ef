import type { HttpFacts } from "../types.js";

/** Requests whose tenant the client has chosen: by its host, its path, or a header. By the framework's request object. */
const chosen = new WeakSet<object>();

const requestOf = ({ raw }: HttpFacts): object | undefined =>
  typeof raw === "object" && raw !== null ? raw : undefined;

export function noteChosenByClient(facts: HttpFacts): void {
  const request = requestOf(facts);
  if (request !== undefined) chosen.add(request);
}

/**
 * True for a request whose client has chosen its tenant, and has proven nothing: `tenantGuard` has found the tenant in the host,
 * the path or a header, and no user in a token. The limits and the plan of such a
 * tenant are not for this client to see.
 */
export function isTenantChosenByClient(facts: HttpFacts): boolean {
  const request = requestOf(facts);
  return request !== undefined && chosen.has(request);
}
