import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from "@nestjs/common";
import { defer, lastValueFrom, type Observable } from "rxjs";
import { tenantOf } from "./run-guard.js";
import { RouteGuards } from "./scale.guard.js";

/** Runs the handlers of `@UseBreaker` by their policy. */
@Injectable()
export class BreakerInterceptor implements NestInterceptor {
  readonly #routes: RouteGuards;

  constructor(@Inject(RouteGuards) routes: RouteGuards) {
    this.#routes = routes;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const isHttp = context.getType() === "http";
    const policy = isHttp ? this.#routes.policyOf(context.getClass(), context.getHandler()) : undefined;
    if (policy === undefined) return next.handle();
    const key = tenantOf(context)?.tenantId;
    // The last value is what Nest sends of a handler that returns an Observable.
    const handle = (): Promise<unknown> => lastValueFrom(next.handle(), { defaultValue: undefined });
    return defer(() => policy.run(handle, key === undefined ? {} : { key }));
  }
}
