import { functionOption, methodOption, parseOptions } from "@scale/core/kit";
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

/** Options of `@Shed`: those of `shedGuard` of `@scale/shed`. */
export interface RouteShed {
  /** Cost of a request, an integer from 1. */
  readonly cost?: number | ((facts: HttpFacts) => number | Promise<number>);
  readonly priority?: "high" | "normal" | "low";
  /** Milliseconds that a request may wait for room. */
  readonly waitMs?: (facts: HttpFacts) => number | Promise<number>;
  /** Function that returns true for requests that are neither counted nor refused. */
  readonly exempt?: (facts: HttpFacts) => boolean | Promise<boolean>;
}

/** A flag that `@RequireFlag` names, and the value that it must have. */
export interface RouteFlag {
  readonly key: string;
  readonly is: boolean | number | string;
}

/**
 * A flag as the module passes it on. A decorator does not know the flags, so that its types fit those of every application, and
 * `flagGuard` checks key and value when the application starts.
 */
export interface ModuleFlag {
  readonly key: never;
  readonly is: never;
}

/** Runs handlers: a breaker, breakers by key, or composed policies of `@scale/breaker`. */
export interface RoutePolicy {
  run<T>(action: () => T | PromiseLike<T>, call?: { readonly key?: string }): Promise<T>;
}

export interface ScaleModuleOptions {
  /** Guards of the application, by the names that `globalGuards` and the decorators use. */
  guards: Readonly<Record<string, HttpGuard>>;
  /**
   * Names of the guards that run on every route, in this order, before those that the route adds. With the option `shed`, the
   * name `shed` stands for its guard, with the options of `@Shed` where a route has some.
   * @default []
   */
  globalGuards?: readonly string[];
  /**
   * Factory of the guards of `@RateLimit`: `(options) => rateLimitGuard(limiter, options)`. Called once for each decorator
   * when the application starts.
   */
  rateLimit?: (options: ModuleRateLimit) => HttpGuard;
  /** Factory of the guards of `@Shed`: `(options) => shedGuard(shedder, options)`. Called once for each decorator. */
  shed?: (options: RouteShed) => HttpGuard;
  /**
   * Factory of the guards of `@RequireFlag`: `(key, options) => flagGuard(flags, key, options)`. Called once for each
   * decorator; the guard throws for a flag that is not defined, when the application starts.
   */
  requireFlag?: (key: ModuleFlag["key"], options: Pick<ModuleFlag, "is">) => HttpGuard;
  /**
   * Breakers and other policies of `@UseBreaker`, by name. The key of a call is the id of the tenant, if there is one.
   * @default {}
   */
  breakers?: Readonly<Record<string, RoutePolicy>>;
}

/** The parsed options. */
export interface GuardTable {
  readonly guards: ReadonlyMap<string, HttpGuard>;
  readonly globalGuards: readonly string[];
  readonly rateLimit: ScaleModuleOptions["rateLimit"];
  readonly shed: ScaleModuleOptions["shed"];
  readonly requireFlag: ScaleModuleOptions["requireFlag"];
  readonly breakers: ReadonlyMap<string, RoutePolicy>;
}

/** The name in `globalGuards` and decorators that stands for the guard of the option `shed`. */
export const SHED = "shed";

const optionsSchema = z
  .strictObject({
    guards: z.record(z.string(), functionOption<HttpGuard>("a guard, which is a function")),
    globalGuards: z.array(z.string()).default([]),
    rateLimit: functionOption<NonNullable<ScaleModuleOptions["rateLimit"]>>().optional(),
    shed: functionOption<NonNullable<ScaleModuleOptions["shed"]>>().optional(),
    requireFlag: functionOption<NonNullable<ScaleModuleOptions["requireFlag"]>>().optional(),
    breakers: z.record(z.string(), methodOption<RoutePolicy>("run", "a breaker or a policy")).default({}),
  })
  .superRefine(({ guards, globalGuards, shed }, context) => {
    const names = [...Object.keys(guards), ...(shed === undefined ? [] : [SHED])];
    if (new Set(names).size < names.length) {
      const message = "expected another name, because the option shed has this one";
      context.addIssue({ code: "custom", message, path: ["guards", SHED] });
    }
    for (const [index, name] of globalGuards.entries()) {
      if (names.includes(name)) continue;
      const message = `expected one of ${names.join(", ") || "no guards at all"}`;
      context.addIssue({ code: "custom", message, path: ["globalGuards", index] });
    }
  });

/** @throws {ConfigError} with the name of the wrong option */
export function parseModuleOptions(options: ScaleModuleOptions): GuardTable {
  const { guards, breakers, ...rest } = parseOptions(optionsSchema, options, "ScaleModule");
  const { globalGuards, rateLimit, shed, requireFlag } = rest;
  return {
    ...{ globalGuards, rateLimit, shed, requireFlag },
    guards: new Map(Object.entries(guards)),
    breakers: new Map(Object.entries(breakers)),
  };
}
