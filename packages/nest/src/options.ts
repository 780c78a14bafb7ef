import { parseOptions } from "@scale/core/kit";
import type { HttpFacts, HttpGuard } from "@scale/http";
import { z } from "zod";

/** What `@RateLimit` may say of a route: options of `rateLimitGuard` of `@scale/rate-limit`. */
export interface RouteRateLimit {
  /** Decides the rules of this group of the plan too; they alone where the limiter has admitted the request before. */
  readonly group?: string;
  /** Units that a request costs. */
  readonly cost?: number | ((facts: HttpFacts) => number);
  /** Requests that pass without being asked for or counted. */
  readonly skip?: (facts: HttpFacts) => boolean;
}

export interface ScaleModuleOptions {
  /** The guards of the application, by the names that `everywhere` and the decorators use. */
  guards: Readonly<Record<string, HttpGuard>>;
  /**
   * Names of the guards that run on every route, in this order, before those that the route adds.
   * @default []
   */
  globalGuards?: readonly string[];
  /**
   * Makes the guards of `@RateLimit`: `(options) => rateLimitGuard(limiter, options)`. It is called once for each
   * decorator, when the application starts.
   */
  rateLimit?: (options: RouteRateLimit) => HttpGuard;
}

/** The options as the module works with them. */
export interface GuardTable {
  readonly guards: ReadonlyMap<string, HttpGuard>;
  readonly everywhere: readonly string[];
  readonly rateLimit: ScaleModuleOptions["rateLimit"];
}

const isGuard = (value: unknown): value is HttpGuard => typeof value === "function";

const optionsSchema = z
  .strictObject({
    guards: z.record(z.string(), z.custom<HttpGuard>(isGuard, "expected a guard, which is a function")),
    everywhere: z.array(z.string()).default([]),
    rateLimit: z
      .custom<NonNullable<ScaleModuleOptions["rateLimit"]>>(
        (value) => typeof value === "function",
        "expected a function",
      )
      .optional(),
  })
  .superRefine(({ guards, everywhere }, context) => {
    for (const [index, name] of everywhere.entries()) {
      if (Object.hasOwn(guards, name)) continue;
      const message = `expected one of ${Object.keys(guards).join(", ") || "no guards at all"}`;
      context.addIssue({ code: "custom", message, path: ["everywhere", index] });
    }
  });

/** @throws {ConfigError} that names the wrong option */
export function parseModuleOptions(options: ScaleModuleOptions): GuardTable {
  const { guards, everywhere, rateLimit } = parseOptions(optionsSchema, options, "ScaleModule");
  return { guards: new Map(Object.entries(guards)), everywhere, rateLimit };
}
