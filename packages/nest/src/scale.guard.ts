import { type CanActivate, type ExecutionContext, Inject, Injectable, type OnModuleInit } from "@nestjs/common";
import { DiscoveryService, MetadataScanner } from "@nestjs/core";
import { ConfigError } from "@scale/core";
import { chain, type HttpGuard } from "@scale/http";
import { watchPeerAddresses } from "@scale/http/adapter";
import { DecoratorGuards } from "./decorator-guards.js";
import {
  type GuardMetadata,
  guardMetadataOf,
  resolveFlags,
  resolveGuardNames,
  resolveNearest,
} from "./scale.decorators.js";
import {
  type GuardTable,
  parseModuleOptions,
  type RoutePolicy,
  type RouteShed,
  type ScaleModuleOptions,
  SHED,
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
  readonly #decorated: DecoratorGuards;

  // Named tokens, not parameter types: the builds emit no decorator metadata.
  constructor(
    @Inject(OPTIONS) options: ScaleModuleOptions,
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MetadataScanner) scanner: MetadataScanner,
  ) {
    this.#table = parseModuleOptions(options);
    this.#decorated = new DecoratorGuards(this.#table);
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

  /** The policy that runs a handler, if its route or its controller names one. */
  policyOf(controller: object, method: object): RoutePolicy | undefined {
    const name = guardMetadataOf(method).breaker ?? guardMetadataOf(controller).breaker;
    return name === undefined ? undefined : this.#table.breakers.get(name);
  }

  #build(controller: object, method: object): HttpGuard {
    const levels = [guardMetadataOf(controller), guardMetadataOf(method)];
    const shed = resolveNearest(levels, "shed");
    const limit = resolveNearest(levels, "limit");
    const names = resolveGuardNames(this.#table.globalGuards, levels);
    return chain(
      ...names.map((name) => this.#named(name, shed)),
      ...(shed === undefined || names.includes(SHED) ? [] : [this.#decorated.shed(shed)]),
      ...resolveFlags(levels).map((flag) => this.#decorated.flag(flag)),
      ...(limit === undefined ? [] : [this.#decorated.rateLimit(limit)]),
    );
  }

  #named(name: string, shed: RouteShed = NO_OPTIONS): HttpGuard {
    const { guards } = this.#table;
    if (name === SHED && this.#table.shed !== undefined) return this.#decorated.shed(shed);
    return guards.get(name) ?? throwUnknown(name, this.#names);
  }

  get #names(): readonly string[] {
    const { guards, shed } = this.#table;
    return [...guards.keys(), ...(shed === undefined ? [] : [SHED])];
  }

  #check(controller: Function, method: Function): void {
    const where = `${controller.name}.${method.name}`;
    for (const level of [guardMetadataOf(controller), guardMetadataOf(method)]) {
      this.#checkDecorators(level);
      for (const name of [...level.use, ...(level.skip === "all" ? [] : level.skip)]) {
        if (!this.#names.includes(name)) throwUnknown(name, this.#names, where);
      }
      const { breaker } = level;
      if (breaker !== undefined && !this.#table.breakers.has(breaker)) {
        throwUnknown(breaker, [...this.#table.breakers.keys()], `${where}: @UseBreaker`, "breaker");
      }
    }
    if (Reflect.hasMetadata(SSE_METADATA, method) && this.policyOf(controller, method) !== undefined) {
      throw new ConfigError(`${where}: @UseBreaker: expected a handler with one result, got a stream of events`);
    }
  }

  /** Creates the guards of decorators, so that wrong options fail the start of the application. */
  #checkDecorators({ limit, shed, flags = [] }: GuardMetadata): void {
    if (limit !== undefined) this.#decorated.rateLimit(limit);
    if (shed !== undefined) this.#decorated.shed(shed);
    for (const flag of flags) this.#decorated.flag(flag);
  }
}

const NO_OPTIONS: RouteShed = {};

/** The mark of `@Sse` on a handler, which Nest does not export. */
const SSE_METADATA = "__sse__";

// oxlint-disable-next-line max-params -- `where` and `what` are rarely passed
function throwUnknown(name: string, known: readonly string[], where = "a route", what = "guard"): never {
  const list = known.join(", ") || "none";
  throw new ConfigError(`${where}: expected a ${what} of ScaleModule (${list}), got ${JSON.stringify(name)}`);
}

/** Runs the guards of each HTTP route. Calls of other transports pass. */
@Injectable()
export class RouteGuard implements CanActivate {
  readonly #routes: RouteGuards;

  constructor(@Inject(RouteGuards) routes: RouteGuards) {
    this.#routes = routes;
    watchPeerAddresses();
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
  watchPeerAddresses();
  return { canActivate: async (context) => context.getType() !== "http" || runGuard(guard, context) };
}
