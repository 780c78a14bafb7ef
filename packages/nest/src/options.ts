import { functionOption, parseOptions } from "@scale/core/kit";
import type { HttpFacts, HttpGuard, ResponseEnd } from "@scale/http";
import { z } from "zod";

/** Options of `@RateLimit`: those of `rateLimitGuard` of `@scale/rate-limit`. */
export interface RouteRateLimit {
  /**
   * Group of the plan whose rules are decided in addition to those of the plan that no earlier guard of the same limiter has
   * charged for the request.
   */
  readonly group?: string;
  /** Units that a request costs. */
  readonly cost?: number | ((facts: HttpFacts) => number | Promise<number>);
  /** Function that returns true for requests that pass without being counted, and false for all others. */
  readonly skip?: (facts: HttpFacts) => boolean | Promise<boolean>;
  /** Requests that stay charged, by the end of their response. The others get their units back. */
  readonly chargeWhen?: "successful" | "failed" | ((end: ResponseEnd) => boolean | Promise<boolean>);
}

/**
 * Options of a `@RateLimit` as the module passes them on. A decorator does not know the plans, so the type of its group fits
 * every limiter, and `rateLimitGuard` checks the name when the application starts.
 */
export interface ModuleRateLimit extends Omit<RouteRateLimit, "group"> {
  readonly group?: never;
}

export interface ScaleModuleOptions {
  /** Guards of the application, by the names that `globalGuards` and the decorators use. */
  guards: Readonly<Record<string, HttpGuard>>;
  /**
   * Names of the guards that run on every route, in this order, before those that the route adds.
   * @default []
   */
  globalGuards?: readonly string[];
  /**
   * Factory of the guards of `@RateLimit`: `(options) => rateLimitGuard(limiter, options)`. Called once for each decorator
   * when the application starts.
   */
  rateLimit?: (options: ModuleRateLimit) => HttpGuard;
}

/** The parsed options. */
export interface GuardTable {
  readonly guards: ReadonlyMap<string, HttpGuard>;
  readonly globalGuards: readonly string[];
  readonly rateLimit: ScaleModuleOptions["rateLimit"];
}

const optionsSchema = z
  .strictObject({
    guards: z.record(z.string(), functionOption<HttpGuard>("a guard, which is a function")),
    globalGuards: z.array(z.string()).default([]),
    rateLimit: functionOption<NonNullable<ScaleModuleOptions["rateLimit"]>>().optional(),
  })
  .superRefine(({ guards, globalGuards }, context) => {
    for (const [index, name] of globalGuards.entries()) {
      if (Object.hasOwn(guards, name)) continue;
      const message = `expected one of ${Object.keys(guards).join(", ") || "no guards at all"}`;
      context.addIssue({ code: "custom", message, path: ["globalGuards", index] });
    }
  });

/** @throws {ConfigError} with the name of the wrong option */
export function parseModuleOptions(options: ScaleModuleOptions): GuardTable {
  const { guards, globalGuards, rateLimit } = parseOptions(optionsSchema, options, "ScaleModule");
  return { guards: new Map(Object.entries(guards)), globalGuards, rateLimit };
}
