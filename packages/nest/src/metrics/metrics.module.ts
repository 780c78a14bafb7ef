import type { ServerResponse } from "node:http";
import { ConfigurableModuleBuilder, type ConfigurableModuleCls, Inject, Module, type NestModule } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import { functionOption, parseOptions } from "@scale/core/kit";
import type { HttpFacts, HttpGuard } from "@scale/http";
import { checkVerdict, factsFromNode, type NodeRequest, onResponseEnd } from "@scale/http/adapter";
import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { z } from "zod";
import { tenantOfRequest } from "../run-guard.js";

/** Options of `metricsGuard` of `@scale/metrics/http` that Nest provides. */
export interface NestRequests {
  /** Id of the tenant that a guard of `ScaleModule` has set, also for requests that a later guard denies. */
  tenant(facts: HttpFacts): string | undefined;
}

export interface MetricsModuleOptions {
  /**
   * Factory of the guard that records requests: `(requests) => metricsGuard(metrics, requests)`. Called once. The guard runs
   * in front of every other one, so that denials, unknown paths and errors are recorded too.
   */
  readonly record: (requests: NestRequests) => HttpGuard;
  /** Routes of the metrics, in front of every guard: `metricsAdmin(metrics, { authorize })` of `@scale/metrics/express`. */
  readonly admin?: NodeMiddleware;
}

const OPTIONS = Symbol("options of MetricsModule");

const optionsSchema = z.strictObject({
  record: functionOption<MetricsModuleOptions["record"]>("a factory of a guard, which is a function"),
  admin: functionOption<NodeMiddleware>("a middleware, which is a function").optional(),
});

const Base: ConfigurableModuleCls<MetricsModuleOptions, "forRoot"> =
  new ConfigurableModuleBuilder<MetricsModuleOptions>({ optionsInjectionToken: OPTIONS })
    .setClassMethodName("forRoot")
    .build().ConfigurableModuleClass;

/**
 * Records the requests of the application with `@scale/metrics`, and serves its routes. Import it once:
 * `MetricsModule.forRoot(options)`, or `forRootAsync({ imports, inject, useFactory })`.
 */
@Module({})
export class MetricsModule extends Base implements NestModule {
  readonly #host: HttpAdapterHost;
  readonly #options: z.output<typeof optionsSchema>;

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(OPTIONS) options: MetricsModuleOptions) {
    super();
    this.#host = host;
    this.#options = parseOptions(optionsSchema, options, "MetricsModule");
  }

  /** Here, because the adapter is ready and has no routes yet. */
  configure(): void {
    const { httpAdapter } = this.#host;
    const { record, admin } = this.#options;
    // First: a scrape is no request of a tenant, and is not recorded.
    if (admin !== undefined) httpAdapter.use(admin);
    const guard = record({ tenant: ({ raw }) => tenantOfRequest(raw)?.tenantId });
    if (httpAdapter.getType() === "fastify") observeFastify(httpAdapter.getInstance<FastifyInstance>(), guard);
    else httpAdapter.use(toExpress(guard));
  }
}

interface FastifyInstance {
  addHook(
    name: "onRequest",
    hook: (request: { readonly raw: NodeRequest }, reply: { readonly raw: ServerResponse }) => Promise<void>,
  ): unknown;
}

/** As a hook, because a middleware of Fastify does not see the request that has its route. */
function observeFastify(instance: FastifyInstance, guard: HttpGuard): void {
  instance.addHook("onRequest", async (request, reply) => {
    const { onEnd } = checkVerdict(await guard(factsFromNode(request.raw, request)), "MetricsModule: record");
    if (onEnd !== undefined) onResponseEnd(reply.raw, onEnd);
  });
}
