import { tenancy } from "@scale/core";
import { functionOption, parseOptions } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import type { HeaderForm } from "./headers.js";
import type { RateLimitSubject } from "../types.js";

export interface RateLimitGuardOptions {
  /**
   * Subject that a request is counted for. Before the tenant is known, `{ ip }` alone counts by the address.
   * @default the tenant, user and address of `tenancy.require()`
   */
  readonly subject?: (facts: HttpFacts) => RateLimitSubject;
  /**
   * Group of the plan whose rules apply in addition to the plan's own. When another guard of the same limiter has admitted
   * the request before, the group's rules decide alone, and nothing is charged twice.
   */
  readonly group?: string;
  /**
   * Cost of a request in units.
   * @default 1
   */
  readonly cost?: number | ((facts: HttpFacts) => number);
  /**
   * Predicate for requests that pass without being decided or counted, such as health probes.
   * @default none
   */
  readonly skip?: (facts: HttpFacts) => boolean;
  /**
   * Treatment of CORS preflight requests. A browser takes a refused preflight for a refusal of the origin.
   * @default "skip"
   */
  readonly preflight?: "skip" | "count";
  /**
   * Length of the IPv6 prefix that is counted as one client, 32 to 64 bits. A subscriber owns a whole prefix, and may send
   * each request from another address of it.
   * @default 56
   */
  readonly ipv6Prefix?: number;
  /**
   * Header forms that report the limits: at most one of the drafts, which share field names, and `legacy`. An empty list
   * leaves only `Retry-After`. `draft-10` reports every rule. The other forms report the tightest rule, and with several
   * guards the rule of the last guard.
   * @default ["draft-10"]
   */
  readonly headers?: readonly HeaderForm[];
}

const optionsSchema = z.strictObject({
  subject: functionOption<(facts: HttpFacts) => RateLimitSubject>().default(() => tenancy.require),
  group: z.string().min(1).optional(),
  cost: z.union([z.int().min(0), functionOption<(facts: HttpFacts) => number>("a number or a function")]).default(1),
  skip: functionOption<(facts: HttpFacts) => boolean>().default(() => () => false),
  preflight: z.enum(["skip", "count"]).default("skip"),
  ipv6Prefix: z.int().min(32).max(64).default(56),
  headers: z
    .array(z.enum(["draft-10", "draft-7", "draft-6", "legacy"]))
    .refine((forms) => forms.filter((form) => form !== "legacy").length <= 1, {
      message: "expected one of draft-10, draft-7 and draft-6 at most: they share field names",
    })
    .default(["draft-10"]),
});

/** @throws {ConfigError} that names the wrong option */
export function parseGuardOptions(
  options: RateLimitGuardOptions,
): Required<Omit<RateLimitGuardOptions, "group">> & { readonly group: string | undefined } {
  const { group, ...parsed } = parseOptions(optionsSchema, options, "rateLimitGuard");
  return { ...parsed, group };
}
