import { ConfigError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { checkFunctions } from "../check-function.js";
import type { HttpFacts } from "../types.js";

/**
 * Finds one id in a request: the tenant's, or the user's. Returns `undefined` if its part of the request has no id, and
 * throws for an invalid one. The application decides whether the tenant exists and whether the user may act for it.
 */
export type TenantResolver = (facts: HttpFacts) => string | undefined | Promise<string | undefined>;

const EXPECTED_NAME = "expected a header name";
const headerSchema = z.strictObject({
  name: z.string(EXPECTED_NAME).regex(/^[\w!#$%&'*+.^`|~-]+$/, EXPECTED_NAME),
});

/**
 * Resolves a request header. Clients can send any header: use it only behind a proxy that sets or removes this one.
 * @throws {ConfigError} for a name that is not a header name
 */
export function fromHeader(name: string): TenantResolver {
  parseOptions(headerSchema, { name }, "fromHeader");
  // An empty header is no id.
  return (facts) => facts.header(name) || undefined;
}

/**
 * Returns the id of the first resolver that finds one. An error ends the search: an invalid token does not fall back to a
 * header.
 * @throws {ConfigError} without resolvers, and for a resolver that is not a function
 */
export function firstOf(...resolvers: readonly TenantResolver[]): TenantResolver {
  if (resolvers.length === 0) throw new ConfigError("firstOf: resolvers: expected at least one, got none");
  checkFunctions(resolvers, "firstOf: resolvers");
  return async (facts) => {
    for (const resolve of resolvers) {
      const id = await resolve(facts);
      if (id !== undefined) return id;
    }
    return undefined;
  };
}
