import { type CanActivate, type ExecutionContext, Inject, Injectable, type OnModuleInit } from "@nestjs/common";
import { DiscoveryService, MetadataScanner } from "@nestjs/core";
import { ConfigError } from "@scale/core";
import { chain, type HttpGuard } from "@scale/http";
import { namesOf, resolveLimit, resolveNames } from "./scale.decorators.js";
import { type GuardTable, parseModuleOptions, type RouteRateLimit, type ScaleModuleOptions } from "./options.js";
import { runGuard } from "./run-guard.js";

/** The module's options, as the application gave them. */
export const OPTIONS: unique symbol = Symbol.for("@scale/nest:options");

/** Which guards a route has. The chain of a route is built when its first request comes. */
@Injectable()
export class RouteGuards implements OnModuleInit {
  readonly #table: GuardTable;
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  // By controller, then by method: two controllers may inherit one method.
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

  /** @throws {ConfigError} when a decorator somewhere names a guard that the module does not have, or cannot be made */
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

  of(controller: object, method: object): HttpGuard {
    const methods = this.#chains.get(controller) ?? new WeakMap<object, HttpGuard>();
    this.#chains.set(controller, methods);
    const guard = methods.get(method) ?? this.#build(controller, method);
    methods.set(method, guard);
    return guard;
  }

  #build(controller: object, method: object): HttpGuard {
    const { guards, everywhere } = this.#table;
    const levels = [namesOf(controller), namesOf(method)];
    const named = resolveNames(everywhere, levels).map((name) => guards.get(name) ?? unknown(name, guards));
    const limit = resolveLimit(levels);
    return chain(...named, ...(limit === undefined ? [] : [this.#limiting(limit)]));
  }

  #limiting(limit: RouteRateLimit): HttpGuard {
    const known = this.#limits.get(limit);
    if (known !== undefined) return known;
    const { rateLimit } = this.#table;
    if (rateLimit === undefined) throw new ConfigError("@RateLimit: ScaleModule has no rateLimit that makes its guard");
    const guard = rateLimit(limit);
    this.#limits.set(limit, guard);
    return guard;
  }

  #check(controller: Function, method: Function): void {
    const { guards } = this.#table;
    for (const { use, skip, limit } of [namesOf(controller), namesOf(method)]) {
      if (limit !== undefined) this.#limiting(limit);
      for (const name of [...use, ...(skip === "all" ? [] : skip)]) {
        if (!guards.has(name)) unknown(name, guards, `${controller.name}.${method.name}`);
      }
    }
  }
}

function unknown(name: string, guards: GuardTable["guards"], where = "a route"): never {
  const known = [...guards.keys()].join(", ") || "none";
  throw new ConfigError(`${where}: no guard is named ${JSON.stringify(name)}; ScaleModule has ${known}`);
}

/** Runs the guards of each HTTP route. Other transports pass. */
@Injectable()
export class RouteGuard implements CanActivate {
  readonly #routes: RouteGuards;

  constructor(@Inject(RouteGuards) routes: RouteGuards) {
    this.#routes = routes;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== "http") return true;
    return runGuard(this.#routes.of(context.getClass(), context.getHandler()), context);
  }
}

/**
 * One guard for `@UseGuards`, with or without the module. Without it, add `@UseInterceptors(TenancyInterceptor)` for a
 * guard that gives a tenant, and `@UseFilters(ProblemFilter)` for problems of type `application/problem+json`.
 */
export function toNestGuard(guard: HttpGuard): CanActivate {
  return { canActivate: async (context) => context.getType() !== "http" || runGuard(guard, context) };
}
