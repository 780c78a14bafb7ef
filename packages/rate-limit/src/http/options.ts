import { tenancy } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import type { HeaderForm } from "./headers.js";
import type { RateLimitSubject } from "../types.js";

export interface RateLimitGuardOptions {
  /**
   * Who a request is counted for. Before the tenant is known, `{ ip }` alone counts by the address.
   * @default the tenant, user and address of `tenancy.require()`
   */
  readonly subject?: (facts: HttpFacts) => RateLimitSubject;
  /**
   * Adds the rules of this group of the plan. Where the same limiter has admitted the request before, further out in the
   * application, the group's rules decide alone: nothing is charged twice.
   */
  readonly group?: string;
  /**
   * Units that a request costs.
   * @default 1
   */
  readonly cost?: number | ((facts: HttpFacts) => number);
  /**
   * Requests that pass without being asked for or counted, such as health probes.
   * @default none
   */
  readonly skip?: (facts: HttpFacts) => boolean;
  /**
   * Whether the question of a browser that comes before a request of another origin is counted. A browser takes a
   * refusal of it for a refusal of the origin.
   * @default "skip"
   */
  readonly preflight?: "skip" | "count";
  /**
   * First bits of an IPv6 address that are counted as one client, 32 to 64: a subscriber has a whole prefix, and may send
   * each request from another address of it.
   * @default 56
   */
  readonly ipv6Prefix?: number;
  /**
   * How the limits are told: at most one of the drafts, which share field names, and `legacy`. With none, only
   * `Retry-After` is. Only `draft-10` knows more than one rule: the others tell the tightest, and of several guards the
   * last one's.
   * @default ["draft-10"]
   */
  readonly headers?: readonly HeaderForm[];
}

const aFunction = <T>() => z.custom<T>((value) => typeof value === "function", "expected a function");

const optionsSchema = z.strictObject({
  subject: aFunction<(facts: HttpFacts) => RateLimitSubject>().default(() => tenancy.require),
  group: z.string().min(1).optional(),
  cost: z
    .union([
      z.int().min(0),
      z.custom<(facts: HttpFacts) => number>((value) => typeof value === "function", "expected a number or a function"),
    ])
    .default(1),
  skip: aFunction<(facts: HttpFacts) => boolean>().default(() => () => false),
  preflight: z.enum(["skip", "count"]).default("skip"),
  ipv6Prefix: z.int().min(32).max(64).default(56),
  headers: z
    .array(z.enum(["draft-10", "draft-7", "draft-6", "legacy"]))
    .refine((forms) => forms.filter((form) => form !== "legacy").length <= 1, {
      message: "expected one of draft-10, draft-7 and draft-6 at most: they share field names",
    })
    .default(["draft-10"]),
});

/** The options as the guard works with them. */
export type GuardOptions = Required<Omit<RateLimitGuardOptions, "group">> & { readonly group: string | undefined };

/** @throws {ConfigError} that names the wrong option */
export function parseGuardOptions(options: RateLimitGuardOptions): GuardOptions {
  const { group, ...parsed } = parseOptions(optionsSchema, options, "rateLimitGuard");
  return { ...parsed, group };
}
