import "reflect-metadata";
import { ConfigError } from "@scale/core";
import type { RouteRateLimit } from "./options.js";

/** What the decorators on one controller or route say about its guards. */
export interface GuardNames {
  readonly use: readonly string[];
  readonly skip: readonly string[] | "all";
  /** What `@RateLimit` says. */
  readonly limit?: RouteRateLimit;
}

const KEY: unique symbol = Symbol.for("@scale/nest:guard-names");
const NOTHING: GuardNames = { use: [], skip: [] };

/** What was said about a class or method; a class says what its base class says, and more. */
export function namesOf(target: object): GuardNames {
  return (Reflect.getMetadata(KEY, target) as GuardNames | undefined) ?? NOTHING;
}

/**
 * Runs these guards of the module on a route, or on every route of a controller, after those that run everywhere.
 * Used twice, it adds.
 */
export function UseHttpGuards(...names: readonly string[]): MethodDecorator & ClassDecorator {
  return amend(({ use, ...rest }) => ({ ...rest, use: [...names, ...use] }));
}

/**
 * Leaves these guards out on a route or a controller; without names, all of them. A route says the last word:
 * `@UseHttpGuards` there brings back what its controller leaves out.
 */
export function SkipHttpGuards(...names: readonly string[]): MethodDecorator & ClassDecorator {
  return amend(({ skip, ...rest }) => ({
    ...rest,
    skip: names.length === 0 || skip === "all" ? "all" : [...names, ...skip],
  }));
}

/**
 * Limits a route, or every route of a controller, by what the module's `rateLimit` makes of these options: after all
 * named guards, so that the tenant is known. The one nearest to the route holds: a route's in place of its
 * controller's. Where a guard of the same limiter runs everywhere, give a `group`: its rules alone are decided then.
 * `@SkipHttpGuards()` without names on a route leaves out that of its controller.
 * @throws {ConfigError} when it is used twice on one route or controller
 */
export function RateLimit(options: RouteRateLimit = {}): MethodDecorator & ClassDecorator {
  // A copy for each decorator: a guard is made for it once.
  const limit = { ...options };
  return amend((names, own) => {
    if (own?.limit === undefined) return { ...names, limit };
    throw new ConfigError("@RateLimit: used twice on one route or controller, where one holds");
  });
}

type Change = (names: GuardNames, own: GuardNames | undefined) => GuardNames;

/** @param change gets what holds for the class or method, and what was said of itself alone */
function amend(change: Change): MethodDecorator & ClassDecorator {
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const subject = descriptor === undefined ? target : (descriptor.value as object);
    const own = Reflect.getOwnMetadata(KEY, subject) as GuardNames | undefined;
    // Added to what is there: a decorator that replaced another one would take a guard away unseen.
    Reflect.defineMetadata(KEY, change(namesOf(subject), own), subject);
  };
}

/**
 * The names for one route. Each level first skips, then adds.
 * @param levels the controller's, then the route's
 * @returns in the order of `everywhere`, the controller, the route
 */
export function resolveNames(everywhere: readonly string[], levels: readonly GuardNames[]): string[] {
  const order = new Set([...everywhere, ...levels.flatMap((level) => level.use)]);
  const active = new Set(everywhere);
  for (const { use, skip } of levels) {
    for (const name of skip === "all" ? order : skip) active.delete(name);
    for (const name of use) active.add(name);
  }
  return [...order].filter((name) => active.has(name));
}

/**
 * What `@RateLimit` says of one route.
 * @param levels the controller's, then the route's
 */
export function resolveLimit(levels: readonly GuardNames[]): RouteRateLimit | undefined {
  let limit: RouteRateLimit | undefined;
  for (const level of levels) limit = level.limit ?? (level.skip === "all" ? undefined : limit);
  return limit;
}
