import { ConfigError } from "@scale/core";
import { describeValue, functionOption, parseOptions } from "@scale/core/kit";
import { type HttpFacts, type HttpGuard, problem } from "@scale/http";
import { z } from "zod";
import type { FlagDefinitions, FlagValue } from "./define.js";
import type { Flags } from "./flags.js";
import type { FlagReason, FlagSubject } from "./types.js";

export interface FlagGuardOptions<T = unknown> {
  /**
   * Value that the flag must have. A value of `json` cannot be compared.
   * @default true
   */
  readonly is?: T;
  /**
   * Function that returns the subject of a request.
   * @default the tenant and user of `tenancy`
   */
  readonly subject?: (facts: HttpFacts) => FlagSubject | undefined | Promise<FlagSubject | undefined>;
}

const optionsSchema = z.strictObject({
  is: z.unknown().optional(),
  subject: functionOption<NonNullable<FlagGuardOptions["subject"]>>().default(() => () => undefined),
});

/** Reasons for which a feature is off for a while, and for all: the client may try again. */
const TEMPORARY: ReadonlySet<FlagReason> = new Set<FlagReason>(["KILLED", "DEGRADED", "STALE"]);

const switchedOff = problem({
  title: "Service Unavailable",
  status: 503,
  detail: "This feature is switched off for now.",
  headers: { "retry-after": "30" },
});
const notFound = problem({ title: "Not Found", status: 404 });

/**
 * Lets a request pass while a flag has a value for it. Otherwise it replies 503 with `Retry-After` when the feature is switched
 * off for now (killed, degraded or stale), and 404 when its rules exclude the subject: for that tenant, the route does not
 * exist.
 * @throws {ConfigError} for a flag that is not defined, and a value that it cannot have
 */
export function flagGuard<D extends FlagDefinitions, K extends keyof D & string>(
  flags: Flags<D>,
  key: K,
  options: FlagGuardOptions<FlagValue<D, K>> = {},
): HttpGuard {
  const { is = true, subject } = parseOptions(optionsSchema, options, "flagGuard");
  const expected = checkedValue(flags, key, is);
  return async (facts) => {
    const of = await subject(facts);
    if (flags.get(key, of) === expected) return {};
    return { reply: TEMPORARY.has(flags.explain(key, of).reason) ? switchedOff : notFound };
  };
}

function checkedValue(flags: Pick<Flags, "definitions">, key: string, is: unknown): unknown {
  const definitions: FlagDefinitions | undefined = flags?.definitions;
  if (definitions === undefined) throw new ConfigError(`flagGuard: expected flags, got ${describeValue(flags)}`);
  const definition = Object.hasOwn(definitions, key) ? definitions[key] : undefined;
  if (definition === undefined) throw new ConfigError(`flagGuard: expected a defined flag, got ${describeValue(key)}`);
  if (definition.kind === "json") throw new ConfigError(`flagGuard: ${key}: expected a flag that is not json`);
  try {
    return definition.parse(is);
  } catch (cause) {
    throw new ConfigError(`flagGuard: ${key}: is: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
