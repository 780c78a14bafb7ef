import type { HttpFacts } from "../types.js";

/**
 * Finds one id in a request: the tenant's, or the user's. Returns `undefined` or `null` if its part of the request has no
 * id, and throws for an invalid one. The application decides whether the tenant exists and whether the user may act for it.
 */
export type TenantResolver = (facts: HttpFacts) => string | null | undefined | Promise<string | null | undefined>;

/** Where a resolver finds its id. */
export interface ResolverSource {
  /** True when a client cannot choose the id: it was proven by a token, or the application vouches for it. */
  readonly isAuthenticated: boolean;
  /** Names of the request headers that decide the id. The URL and the host need none: shared caches store by them. */
  readonly vary: readonly string[];
}

/** The host or the path of the request, which every client chooses. */
export const NAMED_BY_URL: ResolverSource = { isAuthenticated: false, vary: [] };

/** A function of the application: nothing is known of it. */
const UNKNOWN: ResolverSource = { isAuthenticated: false, vary: [] };

const sources = new WeakMap<TenantResolver, ResolverSource>();

export function withSource(resolver: TenantResolver, source: ResolverSource): TenantResolver {
  sources.set(resolver, source);
  return resolver;
}

export const sourceOf = (resolver: TenantResolver): ResolverSource => sources.get(resolver) ?? UNKNOWN;

/** True for a resolver that finds ids which clients choose, as far as is known. */
export const isChosenByClient = (resolver: TenantResolver): boolean => sources.get(resolver)?.isAuthenticated === false;
