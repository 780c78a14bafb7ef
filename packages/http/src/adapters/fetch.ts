import { checkFunction } from "../check-function.js";
import { inTenant } from "../chain.js";
import { factsFromFetch } from "./toolkit/facts.js";
import { checkHeaders, type HeaderSet, isListHeader } from "../headers.js";
import { endsOnce } from "../on-end.js";
import { problemFromError } from "../problem.js";
import { serializeReply } from "./toolkit/serialize-reply.js";
import { readAs, type Reading } from "./toolkit/tenant-streams.js";
import type { HttpGuard, Reply } from "../types.js";

/** A Next route handler, or any function from a fetch `Request` and what the runtime adds to a `Response`. */
export type FetchHandler<Args extends readonly [Request, ...unknown[]]> = (
  ...args: Args
) => Response | Promise<Response>;

export interface ToFetchOptions<Args extends readonly [Request, ...unknown[]]> {
  /**
   * The address of the socket's other end, which a fetch `Request` does not have: `(request, server) =>
   * server.requestIP(request)?.address` in Bun. Without it guards see `undefined`.
   */
  remoteAddress?: (...args: Args) => string | undefined;
}

/**
 * Puts a guard in front of a fetch-style handler. The handler, and the reading of a body it streams, run for the tenant
 * that the guard gave. Errors of `@scale` packages become their problem; every other error is thrown on.
 * The response is over for a guard's `ended` when its body was read to the end, cancelled or failed, or when the signal
 * of the request aborts; at once for an answer without a body that is sent, for a reply and for an error.
 * @throws {ConfigError} for a guard, handler or `remoteAddress` that is not a function
 */
export function toFetch<Args extends readonly [Request, ...unknown[]]>(
  guard: HttpGuard,
  handler: FetchHandler<Args>,
  options: ToFetchOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  checkFunction(guard, "toNext: guard");
  checkFunction(handler, "toNext: handler");
  if (options.remoteAddress !== undefined) checkFunction(options.remoteAddress, "toNext: remoteAddress");
  return async (...args) => {
    const [request] = args;
    let headers: HeaderSet = {};
    let ended: (() => void) | undefined;
    try {
      const verdict = await guard(factsFromFetch(request, options.remoteAddress?.(...args)));
      const { reply, tenant } = verdict;
      ended = verdict.onEnd && endsOnce(verdict.onEnd, request.signal);
      headers = checkHeaders(verdict.headers ?? {});
      if (reply === undefined) {
        const response = await inTenant(tenant, () => handler(...args));
        // Runtimes do not read the body of an answer to HEAD.
        if (response.body === null || request.method === "HEAD") ended?.();
        return decorated(response, headers, { tenant, ended });
      }
      ended?.();
      return respond(reply, headers);
    } catch (error) {
      ended?.();
      const reply = problemFromError(error);
      if (reply === undefined) throw error;
      return respond(reply, headers);
    }
  };
}

function respond(reply: Reply, verdictHeaders: HeaderSet): Response {
  const { status, headers, text } = serializeReply(reply, verdictHeaders);
  return new Response(text ?? null, { status, headers: checkHeaders(headers) });
}

function decorated(response: Response, headers: HeaderSet, reading: Reading): Response {
  const { status, statusText, body } = response;
  // A protocol switch and Response.error() cannot be built again, and have no headers a client would read.
  if (status < 200) return response;
  const isRead = body !== null && (reading.tenant !== undefined || reading.ended !== undefined);
  if (!isRead && Object.keys(headers).length === 0) return response;
  // Always a copy: the headers of Response.redirect() and of a fetched response cannot be changed.
  const sent = isRead ? readAs(body, reading) : body;
  return new Response(sent, { status, statusText, headers: withGuards(response.headers, headers) });
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
