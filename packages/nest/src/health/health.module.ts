import type { Server } from "node:http";
import {
  ConfigurableModuleBuilder,
  type ConfigurableModuleCls,
  Inject,
  Module,
  type NestModule,
  type OnApplicationBootstrap,
} from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";
import { functionOption, parseOptions } from "@scale/core/kit";
import type { HttpGuard } from "@scale/http";
import { toExpress } from "@scale/http/express";
import { z } from "zod";

export interface HealthModuleOptions {
  /** `healthGuard(health, options)` of `@scale/health/http`. It runs in front of every guard, pipe and route. */
  readonly guard: HttpGuard;
  /** `health.drain` of `@scale/health`: it follows the server of the application. */
  readonly drain?: { attach(server: Server, options: { balancerIdleMs?: number }): void };
  /** Idle time of the balancer in milliseconds, for `drain.attach`. @default 60_000 */
  readonly balancerIdleMs?: number;
}

const OPTIONS = Symbol("options of HealthModule");

const optionsSchema = z.strictObject({
  guard: functionOption<HttpGuard>("a guard, which is a function"),
  drain: z
    .custom<NonNullable<HealthModuleOptions["drain"]>>(
      (value) => typeof value === "object" && value !== null && "attach" in value && typeof value.attach === "function",
      "expected the drain of a health",
    )
    .optional(),
  balancerIdleMs: z.number().optional(),
});

const Base: ConfigurableModuleCls<HealthModuleOptions, "forRoot"> = new ConfigurableModuleBuilder<HealthModuleOptions>({
  optionsInjectionToken: OPTIONS,
})
  .setClassMethodName("forRoot")
  .build().ConfigurableModuleClass;

/**
 * Serves the probes of `@scale/health` and attaches the server to its drain. Import it once: `HealthModule.forRoot(options)`,
 * or `forRootAsync({ imports, inject, useFactory })`. The probes have no global prefix, tenant or guard.
 */
@Module({})
export class HealthModule extends Base implements NestModule, OnApplicationBootstrap {
  readonly #host: HttpAdapterHost;
  readonly #options: z.output<typeof optionsSchema>;

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(OPTIONS) options: HealthModuleOptions) {
    super();
    this.#host = host;
    this.#options = parseOptions(optionsSchema, options, "HealthModule");
  }

  /** Here, because the adapter is ready and has no routes yet. */
  configure(): void {
    this.#host.httpAdapter.use(toExpress(this.#options.guard));
  }

  onApplicationBootstrap(): void {
    const { drain, balancerIdleMs } = this.#options;
    drain?.attach(this.#host.httpAdapter.getHttpServer() as Server, {
      ...(balancerIdleMs !== undefined && { balancerIdleMs }),
    });
  }
}
