import { ConfigurableModuleBuilder, type ConfigurableModuleCls, Inject, Module, type NestModule } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import { functionOption, parseOptions } from "@scale/core/kit";
import type { HttpGuard } from "@scale/http";
import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { z } from "zod";

export interface QueueDashboardModuleOptions {
  /**
   * Path of the dashboard, as the client sends it. A global prefix of the application is not added.
   * @default "/admin/queues"
   */
  readonly path?: string;
  /**
   * Function that returns the dashboard for the path: `(path) => queueDashboard({ path, queues, authorize })`, with
   * `queueDashboard` of `@scale/queue/dashboard/express`, which throws without `authorize`.
   */
  readonly dashboard: (path: string) => NodeMiddleware;
  /** `queueStatusGuard({ queues, authorize })` of `@scale/queue/http`: `GET /api/queues/health` and `/api/queues/stats`. */
  readonly status?: HttpGuard;
}

const OPTIONS = Symbol("options of QueueDashboardModule");

const optionsSchema = z.strictObject({
  path: z.string().startsWith("/").default("/admin/queues"),
  dashboard: functionOption<QueueDashboardModuleOptions["dashboard"]>(
    "a function such as (path) => queueDashboard({ path, queues, authorize })",
  ),
  status: functionOption<HttpGuard>("a guard, which is a function").optional(),
});

const Base: ConfigurableModuleCls<QueueDashboardModuleOptions, "forRoot"> =
  new ConfigurableModuleBuilder<QueueDashboardModuleOptions>({ optionsInjectionToken: OPTIONS })
    .setClassMethodName("forRoot")
    .build().ConfigurableModuleClass;

/**
 * Serves the dashboard of queues, and their status, on Express and on Fastify. Import it once:
 * `QueueDashboardModule.forRoot(options)`, or `forRootAsync({ imports, inject, useFactory })`. Guards, pipes and interceptors of
 * the application do not run in front of it: `authorize` of the dashboard and of the status decides what a sender sees.
 */
@Module({})
export class QueueDashboardModule extends Base implements NestModule {
  readonly #host: HttpAdapterHost;
  readonly #options: z.output<typeof optionsSchema>;
  readonly #middleware: NodeMiddleware;

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(OPTIONS) options: QueueDashboardModuleOptions) {
    super();
    this.#host = host;
    this.#options = parseOptions(optionsSchema, options, "QueueDashboardModule");
    // Here, so that a dashboard without `authorize` ends the start of the application.
    this.#middleware = this.#options.dashboard(this.#options.path);
  }

  /** Here, because the adapter is ready and has no routes yet. */
  configure(): void {
    const { path, status } = this.#options;
    const { httpAdapter } = this.#host;
    if (status !== undefined) httpAdapter.use(toExpress(status));
    httpAdapter.use(path, this.#middleware);
  }
}
