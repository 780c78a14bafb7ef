import { isUtf8 } from "node:buffer";
import { ConfigError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { checkFunctions } from "../check-function.js";
import type { HttpFacts } from "../types.js";

/**
 * Finds one id in a request: the tenant's, or the user's. Returns `undefined` or `null` if its part of the request has no
 * id, and throws for an invalid one. The application decides whether the tenant exists and whether the user may act for it.
 */
export type TenantResolver = (facts: HttpFacts) => string | null | undefined | Promise<string | null | undefined>;

const EXPECTED_NAME = "expected a header name";
const headerSchema = z.strictObject({
  name: z.string(EXPECTED_NAME).regex(/^[\w!#$%&'*+.^`|~-]+$/, EXPECTED_NAME),
});

/**
 * Resolves a request header, as UTF-8: the same id is the same string in a header and in a path. Clients can send any header: use it only behind a proxy that sets or removes this one.
 * @throws {ConfigError} for a name that is not a header name
 */
export function fromHeader(name: string): TenantResolver {
  parseOptions(headerSchema, { name }, "fromHeader");
  // An empty header is no id.
  return (facts) => fromUtf8(facts.header(name) ?? "") || undefined;
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
      if (id !== undefined && id !== null) return id;
    }
    return undefined;
  };
}
