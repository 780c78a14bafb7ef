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
  watchVerdict,
  writeHeaders,
} from "@scale/http/adapter";
import { exchangeOf, headersOf, hasEnded } from "./platform.js";

/**
 * A reply of a guard, thrown to the exception filters. The headers of verdict and reply are already on the response. The
 * media type is not: the filter that writes the body sets it from the headers of `reply`.
 */
export class DeniedException extends HttpException {
  readonly reply: SerializedReply;

  constructor({ status, body }: Reply, reply: SerializedReply) {
    super(typeof body === "object" && body !== null ? body : String(body), status);
    this.reply = reply;
  }
}

// By the request of the framework, which guard, interceptor and filter share.
const tenants = new WeakMap<object, TenantContext>();

/**
 * Returns the tenant of a request outside of its context: in guards of the application that run after the module's, and in
 * exception filters. There `tenancy.current()` is `undefined`.
 */
export function tenantOf(host: ArgumentsHost): TenantContext | undefined {
  const found = host.getType() === "http" ? tenants.get(host.switchToHttp().getRequest<object>()) : undefined;
  return found ?? tenancy.current();
}

/** Tenant of a request of the framework, once a guard has set it. */
export const tenantOfRequest = (request: unknown): TenantContext | undefined =>
  typeof request === "object" && request !== null ? tenants.get(request) : undefined;

/**
 * Runs a guard for a Nest route.
 * @throws {DeniedException} when the guard replies; errors of the guard are rethrown
 */
export async function runGuard(guard: HttpGuard, context: ExecutionContext): Promise<true> {
  const exchange = exchangeOf(context);
  const facts = factsFromNode(exchange.nodeRequest, exchange.request);
  const given = await inTenant(tenantOf(context), () => guard(facts));
  const { headers = {}, reply, tenant } = watchVerdict(exchange.nodeResponse, given, "toNestGuard: guard");
  // `run` throws for an invalid id, before the handler starts. Filters know the tenant of a denied request too.
  if (tenant !== undefined)
    tenants.set(
      exchange.request,
      tenancy.run(tenant, () => tenant),
    );
  const target = headersOf(exchange);
  if (reply !== undefined) {
    const { headers: all, ...rest } = serializeReply(reply, headers);
    const [type, others] = splitType(all);
    if (!hasEnded(exchange)) writeHeaders(others, target);
    throw new DeniedException(reply, { ...rest, headers: type });
  }
  if (!hasEnded(exchange)) writeHeaders(headers, target);
  if (tenant !== undefined) {
    bindEvents(exchange.nodeRequest, tenant);
    bindEvents(exchange.nodeResponse, tenant);
  }
  return true;
}

// A filter of the application may write another body with another media type.
function splitType(headers: HeaderSet): [type: HeaderSet, others: HeaderSet] {
  const isType = ([name]: [string, string]): boolean => name.toLowerCase() === "content-type";
  const entries = Object.entries(headers);
  return [Object.fromEntries(entries.filter(isType)), Object.fromEntries(entries.filter((entry) => !isType(entry)))];
}
