import {
  type BeforeApplicationShutdown,
  ConfigurableModuleBuilder,
  type ConfigurableModuleCls,
  Inject,
  Module,
  type NestModule,
} from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import { functionOption, methodOption, parseOptions } from "@scale/core/kit";
import type { NodeMiddleware } from "@scale/http/express";
import { z } from "zod";

export interface DashboardModuleOptions {
  /** `dashboardRoutes(dashboard)` of `@scale/dashboard/express`. It runs in front of every guard, pipe and route. */
  readonly routes: NodeMiddleware;
  /** The dashboard, whose streams end before the application closes its server. */
  readonly dashboard?: { close(): void };
}

const OPTIONS = Symbol("options of DashboardModule");

const optionsSchema = z.strictObject({
  routes: functionOption<NodeMiddleware>("middleware, which is a function"),
  dashboard: methodOption<NonNullable<DashboardModuleOptions["dashboard"]>>("close", "a dashboard").optional(),
});

const Base: ConfigurableModuleCls<DashboardModuleOptions, "forRoot"> =
  new ConfigurableModuleBuilder<DashboardModuleOptions>({ optionsInjectionToken: OPTIONS })
    .setClassMethodName("forRoot")
    .build().ConfigurableModuleClass;

/**
 * Serves the page of `@scale/dashboard` below its own path, on Express and Fastify. Import it once:
 * `DashboardModule.forRoot(options)`, or `forRootAsync({ imports, inject, useFactory })`. It has no global prefix, tenant or
 * guard: the `authorize` of the dashboard decides.
 */
@Module({})
export class DashboardModule extends Base implements NestModule, BeforeApplicationShutdown {
  readonly #host: HttpAdapterHost;
  readonly #options: z.output<typeof optionsSchema>;

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(OPTIONS) options: DashboardModuleOptions) {
    super();
    this.#host = host;
    this.#options = parseOptions(optionsSchema, options, "DashboardModule");
  }

  /** Here, because the adapter is ready and has no routes yet. */
  configure(): void {
    this.#host.httpAdapter.use(this.#options.routes);
  }

  /** An open stream would hold up the end of the server. */
  beforeApplicationShutdown(): void {
    this.#options.dashboard?.close();
  }
}
