import { isScaleError, TenantError } from "@scale/core";
import { parseOptions, describeValue } from "@scale/core/kit";
import { z } from "zod";
import { isFunction } from "../check-function.js";
import { CredentialError } from "../errors.js";
import type { HttpFacts } from "../types.js";
import type { TenantResolver } from "./resolver.js";

export interface FromClaimOptions {
  /**
   * Checks the token and returns its claims, or throws. The application brings it: `jwtVerify` of jose, a session lookup.
   * Runs once per request, however many claims are read with this same function.
   */
  verify: (token: string, facts: HttpFacts) => object | Promise<object>;
  /** The claim that holds the id. */
  claim: string;
}

const optionsSchema = z.strictObject({
  verify: z.custom<FromClaimOptions["verify"]>(isFunction, "expected a function"),
  claim: z.string("expected the name of a claim").min(1, "expected the name of a claim"),
});

/**
 * A claim of the `Authorization: Bearer` token. No such header gives `undefined`.
 * The resolver throws CredentialError where `verify` refuses the token, and TenantError where the claim is not a text:
 * a bad token is never the same as none. Errors of `@scale` packages that `verify` throws stay as they are.
 * @throws {ConfigError} that names the wrong option
 */
export function fromClaim(options: FromClaimOptions): TenantResolver {
  const { verify, claim } = parseOptions(optionsSchema, options, "fromClaim");
  return async (facts) => {
    const token = bearerToken(facts.header("authorization"));
    if (token === undefined) return undefined;
    const claims = await verifiedOnce(verify, token, facts);
    const value: unknown = Object.hasOwn(claims, claim) ? (claims as Record<string, unknown>)[claim] : undefined;
    if (typeof value === "string" && value !== "") return value;
    throw new TenantError(`claim ${describeValue(claim)}: expected a text, got ${describeValue(value)}`);
  };
}

function bearerToken(authorization: string | undefined): string | undefined {
  const [scheme = "", ...rest] = authorization?.trim().split(/ +/) ?? [];
  if (scheme.toLowerCase() !== "bearer") return undefined;
  const [token = ""] = rest;
  // Source: RFC 6750 section 2.1.
  if (rest.length === 1 && /^[\w.~+/-]+=*$/.test(token)) return token;
  throw new CredentialError("authorization: expected one bearer token");
}

type Verify = FromClaimOptions["verify"];
const results = new WeakMap<HttpFacts, Map<Verify, Promise<object>>>();

function verifiedOnce(verify: Verify, token: string, facts: HttpFacts): Promise<object> {
  const known = results.get(facts) ?? new Map<Verify, Promise<object>>();
  results.set(facts, known);
  const result = known.get(verify) ?? verified(verify, token, facts);
  known.set(verify, result);
  return result;
}

async function verified(verify: Verify, token: string, facts: HttpFacts): Promise<object> {
  let claims: unknown;
  try {
    claims = await verify(token, facts);
  } catch (cause) {
    if (isScaleError(cause)) throw cause;
    throw new CredentialError("authorization: the bearer token is not valid", { cause });
  }
  if (typeof claims === "object" && claims !== null) return claims;
  throw new CredentialError("authorization: the bearer token has no claims");
}
