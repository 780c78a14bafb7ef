import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from "@nestjs/common";
import { beginWork } from "@scale/http/adapter";
import { finalize, type Observable } from "rxjs";
import { exchangeOf } from "./platform.js";

/** Tells when handlers end, so that guards hold slots and room for them also after their client has disconnected. */
@Injectable()
export class WorkInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const end = context.getType() === "http" ? beginWork(exchangeOf(context).nodeResponse) : undefined;
    return end === undefined ? next.handle() : next.handle().pipe(finalize(end));
  }
}
