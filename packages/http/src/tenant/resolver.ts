import { isUtf8 } from "node:buffer";
import { ConfigError, ScaleError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { checkFunction, checkFunctions } from "../check-function.js";
import { sourceOf, type TenantResolver, withSource } from "./source.js";

const EXPECTED_NAME = "expected a header name";
const headerSchema = z.strictObject({
  name: z.string(EXPECTED_NAME).regex(/^[\w!#$%&'*+.^`|~-]+$/, EXPECTED_NAME),
});

/**
 * Resolves a request header, as UTF-8: the same id is the same string in a header and in a path. Clients can send any header: use
 * it only behind a proxy that sets or removes this one, and mark it then: `authenticated(fromHeader("x-tenant-id"))`.
 * @throws {ConfigError} for a name that is not a header name
 */
export function fromHeader(name: string): TenantResolver {
  parseOptions(headerSchema, { name }, "fromHeader");
  // An empty header is no id.
  return withSource((facts) => fromUtf8(facts.header(name) ?? "") || undefined, {
    isAuthenticated: false,
    vary: [name],
  });
}

/**
 * Decodes the bytes of a header as UTF-8. Node and fetch pass each byte as one character. A value that is not UTF-8, or that
 * the runtime has decoded already, stays as it is.
 */
function fromUtf8(value: string): string {
  // Nearly every id is ASCII.
  if (!/[\u0080-\u00ff]/.test(value) || /[\u0100-\uffff]/.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : value;
}

/**
 * Marks a resolver whose ids clients cannot choose, because the application or the proxy in front of it has verified them: a
 * session look-up, or a header that the proxy sets or removes.
 * @param options `vary`: names of the request headers that the resolver reads, for one of the application's own
 * @throws {ConfigError} for a resolver that is not a function
 */
export function authenticated(
  resolver: TenantResolver,
  { vary = sourceOf(resolver).vary }: { readonly vary?: readonly string[] } = {},
): TenantResolver {
  checkFunction(resolver, "authenticated: resolver");
  return withSource((facts) => resolver(facts), { isAuthenticated: true, vary });
}

/**
 * Returns the id of the first resolver that finds one. An error ends the search: an invalid token does not fall back to a
 * header. A request without a token would: after an authenticated resolver (`fromClaim`, `authenticated`) only authenticated
 * ones may follow.
 * @throws {ConfigError} without resolvers, and for a resolver that is not a function
 * @throws {ScaleError} SCALE_WIRING for a resolver that is not authenticated, after one that is
 */
export function firstOf(...resolvers: readonly TenantResolver[]): TenantResolver {
  if (resolvers.length === 0) throw new ConfigError("firstOf: resolvers: expected at least one, got none");
  checkFunctions(resolvers, "firstOf: resolvers");
  const sources = resolvers.map(sourceOf);
  refuseFallback(sources);
  const resolve: TenantResolver = async (facts) => {
    for (const each of resolvers) {
      const id = await each(facts);
      if (id !== undefined && id !== null) return id;
    }
    return undefined;
  };
  return withSource(resolve, {
    isAuthenticated: sources.every(({ isAuthenticated }) => isAuthenticated),
    vary: [...new Set(sources.flatMap(({ vary }) => vary))],
  });
}

function refuseFallback(sources: readonly { readonly isAuthenticated: boolean }[]): void {
  const proven = sources.findIndex(({ isAuthenticated }) => isAuthenticated);
  const chosen = proven === -1 ? -1 : sources.findIndex((each, index) => index > proven && !each.isAuthenticated);
  if (chosen === -1) return;
  throw new ScaleError(
    "SCALE_WIRING",
    `firstOf: resolvers.${chosen}: expected an authenticated resolver after resolvers.${proven}, got one whose ids clients can choose: a request without a token would choose its tenant; remove it, or mark it with authenticated() when clients cannot set what it reads`,
  );
}
