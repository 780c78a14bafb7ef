import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from "@nestjs/common";
import { tenancy } from "@scale/core";
import { map, Observable } from "rxjs";
import { tenantOf } from "./run-guard.js";
import { producedFor } from "./streams.js";

/** Runs pipes, handler and what the handler streams for the tenant that a guard gave. */
@Injectable()
export class TenancyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const tenant = context.getType() === "http" ? tenantOf(context) : undefined;
    if (tenant === undefined) return next.handle();
    // Nest subscribes later, and elsewhere; what an Observable starts belongs to its subscription.
    return new Observable((subscriber) =>
      tenancy.run(tenant, () =>
        next
          .handle()
          .pipe(map((body) => producedFor(tenant, body)))
          .subscribe(subscriber),
      ),
    );
  }
}
