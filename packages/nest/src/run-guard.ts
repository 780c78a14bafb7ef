import { type ArgumentsHost, type ExecutionContext, HttpException } from "@nestjs/common";
import { type TenantContext, tenancy } from "@scale/core";
import type { HttpGuard, Reply } from "@scale/http";
import {
  type SerializedReply,
  serializeReply,
  bindEvents,
  factsFromNode,
  type HeaderSet,
  inTenant,
  onResponseEnd,
  writeHeaders,
} from "@scale/http/adapter";
import { exchangeOf, headersOf, isOver } from "./platform.js";

/**
 * A guard's reply on its way to the exception filters. The headers of the verdict and the reply are on the response;
 * those of `answer`, its media type, are set by whoever writes the body.
 */
export class DeniedException extends HttpException {
  readonly answer: SerializedReply;

  constructor({ status, body }: Reply, answer: SerializedReply) {
    super(typeof body === "object" && body !== null ? body : String(body), status);
    this.answer = answer;
  }
}

// By the framework's request, which guard, interceptor and filter of one request share.
const tenants = new WeakMap<object, TenantContext>();

/**
 * The tenant of a request, where `tenancy.current()` does not have it yet or any more: in guards of the application
 * that run after the module's, and in exception filters.
 */
export function tenantOf(host: ArgumentsHost): TenantContext | undefined {
  const found = host.getType() === "http" ? tenants.get(host.switchToHttp().getRequest<object>()) : undefined;
  return found ?? tenancy.current();
}

/**
 * Runs a guard for a Nest route.
 * @throws {DeniedException} when the guard replies; what the guard throws otherwise
 */
export async function runGuard(guard: HttpGuard, context: ExecutionContext): Promise<true> {
  const exchange = exchangeOf(context);
  const facts = factsFromNode(exchange.nodeRequest, exchange.request);
  const { headers = {}, reply, tenant, onEnd } = await inTenant(tenantOf(context), () => guard(facts));
  if (onEnd !== undefined) onResponseEnd(exchange.nodeResponse, onEnd);
  const target = headersOf(exchange);
  if (reply !== undefined) {
    const { headers: all, ...answer } = serializeReply(reply, headers);
    const [type, others] = splitType(all);
    if (!isOver(exchange)) writeHeaders(others, target);
    throw new DeniedException(reply, { ...answer, headers: type });
  }
  if (!isOver(exchange)) writeHeaders(headers, target);
  if (tenant !== undefined) {
    // Refuses an id that cannot be one, before the handler has begun.
    tenants.set(
      exchange.request,
      tenancy.run(tenant, () => tenant),
    );
    bindEvents(exchange.nodeRequest, tenant);
    bindEvents(exchange.nodeResponse, tenant);
  }
  return true;
}

// A filter of the application may write another body, under another media type.
function splitType(headers: HeaderSet): [type: HeaderSet, others: HeaderSet] {
  const isType = ([name]: [string, string]): boolean => name.toLowerCase() === "content-type";
  const entries = Object.entries(headers);
  return [Object.fromEntries(entries.filter(isType)), Object.fromEntries(entries.filter((entry) => !isType(entry)))];
}
