import type { TenantContext } from "@scale/core";
import { checkFunction } from "./arguments.js";
import { inTenant } from "./chain.js";
import { factsFromFetch } from "./facts.js";
import { checkHeaders, type HeaderSet, isListHeader } from "./headers.js";
import { problemFromError } from "./problem.js";
import { answerOf } from "./reply.js";
import { readFor } from "./streams.js";
import type { HttpGuard, Reply } from "./types.js";

/** A Next route handler, or any function from a fetch `Request` and what the runtime adds to a `Response`. */
export type FetchHandler<Args extends readonly [Request, ...unknown[]]> = (
  ...args: Args
) => Response | Promise<Response>;

export interface ToNextOptions<Args extends readonly [Request, ...unknown[]]> {
  /**
   * The address of the socket's other end, which a fetch `Request` does not have: `(request, server) =>
   * server.requestIP(request)?.address` in Bun. Without it guards see `undefined`.
   */
  remoteAddress?: (...args: Args) => string | undefined;
}

/**
 * Puts a guard in front of a fetch-style handler. The handler, and the reading of a body it streams, run for the tenant
 * that the guard gave. Errors of `@scale` packages become their problem; every other error is thrown on.
 * @throws {ConfigError} for a guard, handler or `remoteAddress` that is not a function
 */
export function toNext<Args extends readonly [Request, ...unknown[]]>(
  guard: HttpGuard,
  handler: FetchHandler<Args>,
  options: ToNextOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  checkFunction(guard, "toNext: guard");
  checkFunction(handler, "toNext: handler");
  if (options.remoteAddress !== undefined) checkFunction(options.remoteAddress, "toNext: remoteAddress");
  return async (...args) => {
    let headers: HeaderSet = {};
    try {
      const verdict = await guard(factsFromFetch(args[0], options.remoteAddress?.(...args)));
      headers = checkHeaders(verdict.headers ?? {});
      if (verdict.reply !== undefined) return respond(verdict.reply, headers);
      const response = await inTenant(verdict.tenant, () => handler(...args));
      return decorated(response, headers, verdict.tenant);
    } catch (error) {
      const reply = problemFromError(error);
      if (reply === undefined) throw error;
      return respond(reply, headers);
    }
  };
}

function respond(reply: Reply, verdictHeaders: HeaderSet): Response {
  const { status, headers, text } = answerOf(reply, verdictHeaders);
  return new Response(text ?? null, { status, headers: checkHeaders(headers) });
}

function decorated(response: Response, headers: HeaderSet, tenant: TenantContext | undefined): Response {
  // A protocol switch and Response.error() cannot be built again, and have no headers a client would read.
  if (response.status < 200) return response;
  const { status, statusText, body } = response;
  if (tenant !== undefined && body !== null) {
    return new Response(readFor(tenant, body), { status, statusText, headers: withGuards(response.headers, headers) });
  }
  if (Object.keys(headers).length === 0) return response;
  // Always a copy: the headers of Response.redirect() and of a fetched response cannot be changed.
  return new Response(body, { status, statusText, headers: withGuards(response.headers, headers) });
}

// The handler answered after the guards, so that its value stands, as it does where a guard writes first.
function withGuards(own: Headers, guards: HeaderSet): Headers {
  const all = new Headers(own);
  for (const [name, value] of Object.entries(guards)) {
    const there = all.get(name);
    if (name.toLowerCase() === "set-cookie") all.append(name, value);
    else if (there === null) all.set(name, value);
    else if (isListHeader(name)) all.set(name, `${value}, ${there}`);
  }
  return all;
}
