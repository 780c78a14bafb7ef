import { ConfigError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { checkFunctions } from "../check-function.js";
import type { HttpFacts } from "../types.js";

/**
 * Finds one id in a request: the tenant's, or the user's. `undefined` means that this is not where it stands;
 * a value that stands there and cannot be used is an error. Whether the tenant exists, and whether this user may act
 * for it, is the application's to decide.
 */
export type TenantResolver = (facts: HttpFacts) => string | undefined | Promise<string | undefined>;

const EXPECTED_NAME = "expected a header name";
const headerSchema = z.strictObject({
  name: z.string(EXPECTED_NAME).regex(/^[\w!#$%&'*+.^`|~-]+$/, EXPECTED_NAME),
});

/**
 * The id in a request header. Clients can send any header: use it behind a proxy that sets or removes this one.
 * @throws {ConfigError} for a name that is not a header name
 */
export function fromHeader(name: string): TenantResolver {
  parseOptions(headerSchema, { name }, "fromHeader");
  // An empty header says nothing about the tenant.
  return (facts) => facts.header(name) || undefined;
}

/**
 * The id of the first resolver that finds one. An error ends the search: a bad token does not fall back to a header.
 * @throws {ConfigError} without resolvers, and for what is not a function
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
