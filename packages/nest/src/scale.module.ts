import { ConfigurableModuleBuilder, type ConfigurableModuleCls, Module } from "@nestjs/common";
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from "@nestjs/core";
import { BreakerInterceptor } from "./breaker.interceptor.js";
import { ProblemFilter } from "./problem.filter.js";
import { OPTIONS, RouteGuard, RouteGuards } from "./scale.guard.js";
import { WorkInterceptor } from "./work.interceptor.js";
import { TenancyInterceptor } from "./tenancy.interceptor.js";
import type { ScaleModuleOptions } from "./options.js";

const Base: ConfigurableModuleCls<ScaleModuleOptions, "forRoot"> = new ConfigurableModuleBuilder<ScaleModuleOptions>({
  optionsInjectionToken: OPTIONS,
})
  .setClassMethodName("forRoot")
  .build().ConfigurableModuleClass;

/**
 * Runs guards on every HTTP route of the application, handlers in the context of the tenant and by their breakers, and
 * answers denials with problems. Import it once: `ScaleModule.forRoot(options)`, or `forRootAsync({ imports, inject, useFactory })`. For a wrong
 * option, or a decorator that names an unknown guard, the start of the application rejects with ConfigError.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    RouteGuards,
    { provide: APP_GUARD, useClass: RouteGuard },
    { provide: APP_INTERCEPTOR, useClass: WorkInterceptor },
    { provide: APP_INTERCEPTOR, useClass: TenancyInterceptor },
    { provide: APP_INTERCEPTOR, useClass: BreakerInterceptor },
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
})
export class ScaleModule extends Base {}
