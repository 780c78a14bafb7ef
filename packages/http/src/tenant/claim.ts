import { isScaleError, TenantError } from "@scale/core";
import { describeValue, functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { CredentialError } from "../errors.js";
import type { HttpFacts } from "../types.js";
import { type TenantResolver, withSource } from "./source.js";

export interface FromClaimOptions {
  /**
   * Function of the application that checks the token and returns its claims, or throws: `jwtVerify` of jose, a session
   * lookup. Runs once per request, also when several resolvers read claims with it.
   */
  verify: (token: string, facts: HttpFacts) => object | Promise<object>;
  /** Name of the claim that contains the id. */
  claim: string;
}

const optionsSchema = z.strictObject({
  verify: functionOption<FromClaimOptions["verify"]>(),
  claim: z.string("expected the name of a claim").min(1, "expected the name of a claim"),
});

/**
 * Resolves a claim of the `Authorization: Bearer` token. Returns `undefined` without such a header.
 * The resolver throws CredentialError when `verify` throws, and TenantError when the claim is not a string: an invalid
 * token is never treated as no token. Errors of `@scale` packages that `verify` throws are rethrown unchanged.
 * @throws {ConfigError} with the name of the wrong option
 */
export function fromClaim(options: FromClaimOptions): TenantResolver {
  const { verify, claim } = parseOptions(optionsSchema, options, "fromClaim");
  const resolve: TenantResolver = async (facts) => {
    const token = bearerToken(facts.header("authorization"));
    if (token === undefined) return undefined;
    const claims = await verifyOnce(verify, token, facts);
    const value: unknown = Object.hasOwn(claims, claim) ? (claims as Record<string, unknown>)[claim] : undefined;
    if (typeof value === "string" && value !== "") return value;
    throw new TenantError(`claim ${describeValue(claim)}: expected a non-empty string, got ${describeValue(value)}`);
  };
  return withSource(resolve, { isAuthenticated: true, vary: ["Authorization"] });
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
const verifications = new WeakMap<HttpFacts, Map<Verify, Promise<object>>>();

function verifyOnce(verify: Verify, token: string, facts: HttpFacts): Promise<object> {
  const known = verifications.get(facts) ?? new Map<Verify, Promise<object>>();
  verifications.set(facts, known);
  const result = known.get(verify) ?? verifyToken(verify, token, facts);
  known.set(verify, result);
  return result;
}

async function verifyToken(verify: Verify, token: string, facts: HttpFacts): Promise<object> {
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
