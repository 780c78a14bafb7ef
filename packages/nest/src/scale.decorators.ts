import "reflect-metadata";
import { ConfigError } from "@scale/core";
import type { RouteFlag, RouteRateLimit, RouteShed } from "./options.js";

/** Guard metadata that decorators attach to a controller or route handler. */
export interface GuardMetadata {
  readonly use: readonly string[];
  readonly skip: readonly string[] | "all";
  /** Options of `@RateLimit`. */
  readonly limit?: RouteRateLimit;
  /** Options of `@Shed`. */
  readonly shed?: RouteShed;
  /** Flags of `@RequireFlag`. */
  readonly flags?: readonly RouteFlag[];
  /** Name of `@UseBreaker`. */
  readonly breaker?: string;
}

const KEY: unique symbol = Symbol.for("@scale/nest:guard-metadata");
const NO_METADATA: GuardMetadata = { use: [], skip: [] };

/** Returns the metadata of a class or method. A class inherits the metadata of its base class. */
export function guardMetadataOf(target: object): GuardMetadata {
  return (Reflect.getMetadata(KEY, target) as GuardMetadata | undefined) ?? NO_METADATA;
}

/**
 * Runs these guards of the module on a route, or on every route of a controller, after the global ones.
 * Several decorators add up.
 */
export function UseHttpGuards(...names: readonly string[]): MethodDecorator & ClassDecorator {
  return updateMetadata(({ use, ...rest }) => ({ ...rest, use: [...names, ...use] }));
}

/**
 * Skips these guards on a route or a controller; without names, all of them. The route wins: `@UseHttpGuards` on it adds
 * a guard back that its controller skips.
 */
export function SkipHttpGuards(...names: readonly string[]): MethodDecorator & ClassDecorator {
  return updateMetadata(({ skip, ...rest }) => ({
    ...rest,
    skip: names.length === 0 || skip === "all" ? "all" : [...names, ...skip],
  }));
}

/**
 * Limits a route, or every route of a controller, with the guard that the module's `rateLimit` creates from these options.
 * It runs after all named guards, so that the tenant is known. A decorator on the route replaces the one on its
 * controller. If a guard of the same limiter is global, set a `group`: only the rules of the group are decided then.
 * `@SkipHttpGuards()` without names on a route skips the one of its controller.
 * @throws {ConfigError} when it is used twice on one route or controller
 */
export function RateLimit(options: RouteRateLimit = {}): MethodDecorator & ClassDecorator {
  // A copy for each decorator: each gets one guard.
  return setOnce("limit", { ...options }, "@RateLimit");
}

/**
 * Sheds load from a route, or every route of a controller, with the guard that the module's `shed` creates from these options.
 * It runs in the place of `shed` in `globalGuards`; without that, after all named guards, so that the tenant is known. A
 * decorator on the route replaces the one on its controller.
 * @throws {ConfigError} when it is used twice on one route or controller
 */
export function Shed(options: RouteShed = {}): MethodDecorator & ClassDecorator {
  return setOnce("shed", { ...options }, "@Shed");
}

/**
 * Answers a route, or every route of a controller, only while a flag has a value for the tenant and user of the request, by
 * the guard that the module's `requireFlag` creates. It runs before `@RateLimit`. Several add up.
 * @param options `is` is the value that the flag must have, `true` by default
 */
export function RequireFlag(
  key: string,
  { is = true }: { readonly is?: RouteFlag["is"] } = {},
): MethodDecorator & ClassDecorator {
  const flag: RouteFlag = { key, is };
  return updateMetadata(({ flags = [], ...rest }) => ({ ...rest, flags: [...flags, flag] }));
}

/**
 * Runs a handler, or every handler of a controller, by a breaker or another policy of the module: its errors count, and while
 * the breaker is open the route replies 503 with `Retry-After`. For routes that are of no use without one dependency. The
 * handler returns its response, and does not write it through `@Res`.
 * @throws {ConfigError} when it is used twice on one route or controller
 */
export function UseBreaker(name: string): MethodDecorator & ClassDecorator {
  return setOnce("breaker", name, "@UseBreaker");
}

function setOnce<K extends "limit" | "shed" | "breaker">(
  member: K,
  value: GuardMetadata[K],
  decorator: string,
): MethodDecorator & ClassDecorator {
  return updateMetadata((names, own) => {
    if (own?.[member] === undefined) return { ...names, [member]: value };
    throw new ConfigError(`${decorator}: expected one on a route or controller, got two; remove one`);
  });
}

type MetadataUpdate = (names: GuardMetadata, own: GuardMetadata | undefined) => GuardMetadata;

/** @param change called with the metadata that applies to the class or method, and with its own metadata without the base class */
function updateMetadata(change: MetadataUpdate): MethodDecorator & ClassDecorator {
  return (target: object, _key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const subject = descriptor === undefined ? target : (descriptor.value as object);
    const own = Reflect.getOwnMetadata(KEY, subject) as GuardMetadata | undefined;
    // Added to the existing metadata: a decorator that replaced another one would remove a guard silently.
    Reflect.defineMetadata(KEY, change(guardMetadataOf(subject), own), subject);
  };
}

/**
 * Resolves the guards of one route. Each level first skips, then adds.
 * @param levels metadata of the controller, then of the route
 * @returns the names in the order of `globalGuards`, the controller, the route
 */
export function resolveGuardNames(globalGuards: readonly string[], levels: readonly GuardMetadata[]): string[] {
  const order = new Set([...globalGuards, ...levels.flatMap((level) => level.use)]);
  const active = new Set(globalGuards);
  for (const { use, skip } of levels) {
    for (const name of skip === "all" ? order : skip) active.delete(name);
    for (const name of use) active.add(name);
  }
  return [...order].filter((name) => active.has(name));
}

/**
 * Resolves what one of the decorators says for one route: that nearest to the route. Skipping all guards on a route skips what
 * its controller says.
 * @param levels metadata of the controller, then of the route
 */
export function resolveNearest<K extends "limit" | "shed">(
  levels: readonly GuardMetadata[],
  member: K,
): GuardMetadata[K] | undefined {
  let nearest: GuardMetadata[K] | undefined;
  for (const level of levels) nearest = level[member] ?? (level.skip === "all" ? undefined : nearest);
  return nearest;
}

/** Resolves the flags that one route requires, those of its controller first. */
export function resolveFlags(levels: readonly GuardMetadata[]): readonly RouteFlag[] {
  let flags: readonly RouteFlag[] = [];
  for (const level of levels) flags = [...(level.skip === "all" ? [] : flags), ...(level.flags ?? [])];
  return flags;
}
