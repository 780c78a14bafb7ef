import { tenancy } from "@scale/core";
import { booleanResult, checkedCallback, functionOption, parseOptions, wrongResult } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import { type ChargeWhen, outcomeOf } from "./give-back.js";
import type { HeaderForm } from "./headers.js";
import type { RateLimitSubject } from "../types.js";

/** @typeParam Group names of the groups of the limiter's plans */
export interface RateLimitGuardOptions<Group extends string = string> {
  /**
   * Subject that a request is counted for. Before the tenant is known, `{ ip }` alone counts by the address.
   * @default the tenant, user and address of `tenancy.require()`
   */
  readonly subject?: (facts: HttpFacts) => RateLimitSubject | Promise<RateLimitSubject>;
  /**
   * Group of the plan whose rules apply in addition to the plan's own. Rules of the plan that an earlier guard of the same
   * limiter has charged for this request are left out, so that nothing is charged twice.
   */
  readonly group?: Group;
  /**
   * Cost of a request in units.
   * @default 1
   */
  readonly cost?: number | ((facts: HttpFacts) => number | Promise<number>);
  /**
   * Requests that stay charged. Each request is charged before its handler runs, and gets its units back at the end of its
   * response when it is not one of these: `"failed"`, a status of 400 or more, for logins; `"successful"`, a lower status; or a
   * function of the end. A response that was not sent to its end stays charged, and so does an error that the framework
   * answers where the adapter cannot see it.
   * @default every request
   */
  readonly chargeWhen?: ChargeWhen;
  /**
   * Predicate for requests that pass without being decided or counted, such as health probes. Anything but true or false is
   * an error.
   * @default none
   */
  readonly skip?: (facts: HttpFacts) => boolean | Promise<boolean>;
  /**
   * Which requests see the limits. `authenticated`: not those whose tenant `tenantGuard` knows to be chosen by the client, by its
   * host, path or header, without a user of a token. They get `Retry-After`, and the code of a refusal, and learn nothing of the
   * tenant's limits and plan.
   * @default "authenticated"
   */
  readonly showLimits?: "authenticated" | "always";
  /**
   * Longest time in milliseconds for which a request holds its slots of `concurrency` rules: from then on they are not renewed,
   * and become free when the `ttl` of their rule is over, although the request still runs.
   * @default 3_600_000, an hour
   */
  readonly maxHoldMs?: number;
  /**
   * Header forms that report the limits: at most one of the drafts, which share field names, and `legacy`. An empty list
   * leaves only `Retry-After`. `draft-10` reports every rule. The other forms report the tightest rule, and with several
   * guards the rule of the last guard.
   * @default ["draft-10"]
   */
  readonly headers?: readonly HeaderForm[];
}

const optionsSchema = z.strictObject({
  subject: functionOption<NonNullable<RateLimitGuardOptions["subject"]>>().default(() => tenancy.require),
  group: z.string().min(1).optional(),
  cost: z
    .union([z.int().min(0), functionOption<(facts: HttpFacts) => number | Promise<number>>("a number or a function")])
    .default(1),
  chargeWhen: z
    .union([z.enum(["successful", "failed"]), functionOption<ChargeWhen & Function>()], {
      error: 'expected "successful", "failed" or a function',
    })
    .optional(),
  skip: functionOption<NonNullable<RateLimitGuardOptions["skip"]>>().optional(),
  showLimits: z.enum(["authenticated", "always"]).default("authenticated"),
  maxHoldMs: z.number().min(1).default(3_600_000),
  headers: z
    .array(z.enum(["draft-10", "draft-7", "draft-6", "legacy"]))
    .refine((forms) => forms.filter((form) => form !== "legacy").length <= 1, {
      message: "expected one of draft-10, draft-7 and draft-6 at most: they share field names",
    })
    .default(["draft-10"]),
});

/** The parsed options. Results of callbacks are checked, and an error names the option. */
export interface ParsedGuardOptions {
  readonly subject: (facts: HttpFacts) => RateLimitSubject | Promise<RateLimitSubject>;
  readonly group: string | undefined;
  readonly cost: number | ((facts: HttpFacts) => number | Promise<number>);
  readonly isCharged: ReturnType<typeof outcomeOf>;
  readonly skip: ((facts: HttpFacts) => boolean | Promise<boolean>) | undefined;
  readonly showLimits: "authenticated" | "always";
  readonly maxHoldMs: number;
  readonly headers: readonly HeaderForm[];
}

/** @throws {ConfigError} that names the wrong option */
export function parseGuardOptions(options: RateLimitGuardOptions): ParsedGuardOptions {
  const { subject, group, cost, chargeWhen, skip, ...parsed } = parseOptions(optionsSchema, options, "rateLimitGuard");
  return {
    ...parsed,
    group,
    subject: checkedCallback(subject, subjectResult),
    cost: typeof cost === "number" ? cost : checkedCallback(cost, costResult),
    isCharged: outcomeOf(chargeWhen),
    skip: skip && checkedCallback(skip, booleanResult("rateLimitGuard: skip")),
  };
}

function subjectResult(result: unknown): RateLimitSubject {
  if (typeof result === "object" && result !== null) return result;
  throw wrongResult("rateLimitGuard: subject", 'a subject such as { tenantId: "acme" }', result);
}

function costResult(result: unknown): number {
  if (Number.isSafeInteger(result) && (result as number) >= 0) return result as number;
  throw wrongResult("rateLimitGuard: cost", "an integer >= 0", result);
}
