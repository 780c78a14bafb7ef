import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from "@nestjs/common";
import { tenancy } from "@scale/core";
import { map, Observable } from "rxjs";
import { tenantOf } from "./run-guard.js";
import { bindToTenant } from "./streams.js";

/** Runs pipes, handler and streamed bodies for the tenant of the guards. */
@Injectable()
export class TenancyInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const tenant = context.getType() === "http" ? tenantOf(context) : undefined;
    if (tenant === undefined) return next.handle();
    // Nest subscribes later, outside of this context. The work of an Observable starts with its subscription.
    return new Observable((subscriber) =>
      tenancy.run(tenant, () =>
        next
          .handle()
          .pipe(map((body) => bindToTenant(tenant, body)))
          .subscribe(subscriber),
      ),
    );
  }
}
