import { type CanActivate, type ExecutionContext, Inject, Injectable, type OnModuleInit } from "@nestjs/common";
import { DiscoveryService, MetadataScanner } from "@nestjs/core";
import { ConfigError } from "@scale/core";
import { chain, type HttpGuard } from "@scale/http";
import { guardMetadataOf, resolveRateLimit, resolveGuardNames } from "./scale.decorators.js";
import {
  type GuardTable,
  type ModuleRateLimit,
  parseModuleOptions,
  type RouteRateLimit,
  type ScaleModuleOptions,
} from "./options.js";
import { runGuard } from "./run-guard.js";

/** Injection token of the module's options. */
export const OPTIONS: unique symbol = Symbol.for("@scale/nest:options");

/** Guards by route. The chain of a route is built with its first request. */
@Injectable()
export class RouteGuards implements OnModuleInit {
  readonly #table: GuardTable;
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  // By controller, then by method: two controllers may inherit the same method.
  readonly #chains = new WeakMap<object, WeakMap<object, HttpGuard>>();
  readonly #limits = new WeakMap<RouteRateLimit, HttpGuard>();

  // Named tokens, not parameter types: the builds emit no decorator metadata.
  constructor(
    @Inject(OPTIONS) options: ScaleModuleOptions,
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MetadataScanner) scanner: MetadataScanner,
  ) {
    this.#table = parseModuleOptions(options);
    this.#discovery = discovery;
    this.#scanner = scanner;
  }

  /** @throws {ConfigError} when a decorator names an unknown guard, or when the guard of a `@RateLimit` cannot be created */
  onModuleInit(): void {
    for (const { metatype } of this.#discovery.getControllers()) {
      if (typeof metatype !== "function") continue;
      const prototype = metatype.prototype as Record<string, unknown>;
      for (const name of this.#scanner.getAllMethodNames(prototype)) {
        const method = prototype[name];
        if (typeof method === "function") this.#check(metatype, method);
      }
    }
  }

  guardOf(controller: object, method: object): HttpGuard {
    const methods = this.#chains.get(controller) ?? new WeakMap<object, HttpGuard>();
    this.#chains.set(controller, methods);
    const guard = methods.get(method) ?? this.#build(controller, method);
    methods.set(method, guard);
    return guard;
  }

  #build(controller: object, method: object): HttpGuard {
    const { guards, globalGuards } = this.#table;
    const levels = [guardMetadataOf(controller), guardMetadataOf(method)];
    const named = resolveGuardNames(globalGuards, levels).map(
      (name) => guards.get(name) ?? throwUnknownGuard(name, guards),
    );
    const limit = resolveRateLimit(levels);
    return chain(...named, ...(limit === undefined ? [] : [this.#rateLimitGuardOf(limit)]));
  }

  #rateLimitGuardOf(limit: RouteRateLimit): HttpGuard {
    const known = this.#limits.get(limit);
    if (known !== undefined) return known;
    const { rateLimit } = this.#table;
    if (rateLimit === undefined)
      throw new ConfigError("@RateLimit: expected the option rateLimit of ScaleModule, got none");
    const guard = rateLimit(limit as ModuleRateLimit);
    this.#limits.set(limit, guard);
    return guard;
  }

  #check(controller: Function, method: Function): void {
    const { guards } = this.#table;
    for (const { use, skip, limit } of [guardMetadataOf(controller), guardMetadataOf(method)]) {
      if (limit !== undefined) this.#rateLimitGuardOf(limit);
      for (const name of [...use, ...(skip === "all" ? [] : skip)]) {
        if (!guards.has(name)) throwUnknownGuard(name, guards, `${controller.name}.${method.name}`);
      }
    }
  }
}

function throwUnknownGuard(name: string, guards: GuardTable["guards"], where = "a route"): never {
  const known = [...guards.keys()].join(", ") || "none";
  throw new ConfigError(`${where}: expected a guard of ScaleModule (${known}), got ${JSON.stringify(name)}`);
}

/** Runs the guards of each HTTP route. Calls of other transports pass. */
@Injectable()
export class RouteGuard implements CanActivate {
  readonly #routes: RouteGuards;

  constructor(@Inject(RouteGuards) routes: RouteGuards) {
    this.#routes = routes;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== "http") return true;
    return runGuard(this.#routes.guardOf(context.getClass(), context.getHandler()), context);
  }
}

/**
 * Adapts one guard for `@UseGuards`, with or without the module. Without the module, add
 * `@UseInterceptors(TenancyInterceptor)` for a guard that returns a tenant, and `@UseFilters(ProblemFilter)` for problems
 * of type `application/problem+json`.
 */
export function toNestGuard(guard: HttpGuard): CanActivate {
  return { canActivate: async (context) => context.getType() !== "http" || runGuard(guard, context) };
}
