import type { TenantContext } from "@scale/core";
import { checkedCallback, optionalStringResult } from "@scale/core/kit";
import { checkFunction } from "../check-function.js";
import { checkVerdict } from "../check-verdict.js";
import { inTenant } from "../chain.js";
import { factsFromFetch } from "./toolkit/facts.js";
import { checkHeaders, type HeaderSet, joinValues } from "../headers.js";
import { type FetchHolds, holdForFetch } from "../hold.js";
import { noteRouteContext } from "../tenant/route-params.js";
import { isEventStream } from "./toolkit/event-stream.js";
import { type EndWatch, watchEnd } from "../on-end.js";
import { problemFromError } from "../problem.js";
import { serializeReply } from "./toolkit/serialize-reply.js";
import { bindBody, type BodyBinding } from "./toolkit/tenant-streams.js";
import type { HttpGuard, Reply } from "../types.js";

/** A Next route handler, or any function from a fetch `Request` and further arguments of the runtime to a `Response`. */
export type FetchHandler<Args extends readonly [Request, ...unknown[]]> = (
  ...args: Args
) => Response | Promise<Response>;

export interface ToFetchOptions<Args extends readonly [Request, ...unknown[]]> {
  /**
   * Function that returns the peer address of the socket, which a fetch `Request` does not have. In Bun:
   * `(request, server) => server.requestIP(request)?.address`. Without it guards see `undefined`.
   */
  remoteAddress?: (...args: Args) => string | null | undefined | Promise<string | null | undefined>;
}

/**
 * Puts a guard in front of a fetch-style handler. The handler, and a body that it streams, run for the tenant of the
 * verdict. Errors of `@scale` packages become their problem; every other error is rethrown.
 * `onEnd` of the verdict runs when the body was read to its end, cancelled or failed, or when the signal of the request
 * aborts. It runs at once for a response without a body that is sent, for a reply and for an error. The status of an error
 * that is rethrown is not known.
 * The holds of the verdict are released when the handler and the body of its response have ended, also after a disconnect.
 * @throws {ConfigError} for a guard, handler or `remoteAddress` that is not a function
 */
export function toFetch<Args extends readonly [Request, ...unknown[]]>(
  guard: HttpGuard,
  handler: FetchHandler<Args>,
  options: ToFetchOptions<NoInfer<Args>> = {},
): (...args: Args) => Promise<Response> {
  checkFunction(guard, "toFetch: guard");
  checkFunction(handler, "toFetch: handler");
  if (options.remoteAddress !== undefined) checkFunction(options.remoteAddress, "toFetch: remoteAddress");
  const addressOf =
    options.remoteAddress && checkedCallback(options.remoteAddress, optionalStringResult("toFetch: remoteAddress"));
  return async (...args) => {
    const [request] = args;
    let headers: HeaderSet = {};
    let watch: EndWatch | undefined;
    let held: FetchHolds | undefined;
    const reached = (status: number | undefined, isComplete: boolean): void => {
      if (watch === undefined) return;
      watch.status = status;
      if (isComplete) watch.end(true);
    };
    try {
      const found = addressOf?.(...args);
      const facts = factsFromFetch(request, found instanceof Promise ? await found : found);
      noteRouteContext(request, args[1]);
      const verdict = checkVerdict(await guard(facts), "toFetch: guard");
      const { reply, tenant } = verdict;
      watch = verdict.onEnd && watchEnd(verdict.onEnd, request);
      held = verdict.holds && holdForFetch(verdict.holds, request);
      headers = checkHeaders(verdict.headers ?? {});
      if (reply === undefined) {
        const response = await inTenant(tenant, () => handler(...args));
        // Runtimes do not read the body of a response to HEAD.
        const isDone = response.body === null || request.method === "HEAD";
        reached(response.status, isDone);
        if (isDone || response.status < 200) held?.release();
        else if (held !== undefined && request.signal.aborted) return abandon(response, tenant, held);
        else held?.bodyBegins(isEventStream(response.headers.get("content-type")));
        return withVerdict(response, headers, { tenant, onEnd: watch?.end, onSourceEnd: held?.release });
      }
      const response = respond(reply, headers);
      reached(reply.status, true);
      held?.release();
      return response;
    } catch (error) {
      const reply = problemFromError(error);
      reached(reply?.status, reply !== undefined);
      watch?.end(false);
      held?.release();
      if (reply === undefined) throw error;
      return respond(reply, headers);
    }
  };
}

/** Ends a response for a client that has left. Its runtime neither reads nor cancels the body. */
function abandon(response: Response, tenant: TenantContext | undefined, held: FetchHolds): Response {
  const { status, statusText, headers, body } = response;
  // A source that fails to clean up has ended too.
  inTenant(tenant, async () => body?.cancel()).then(held.release, held.release);
  return new Response(null, { status, statusText, headers });
}

function respond(reply: Reply, verdictHeaders: HeaderSet): Response {
  const { status, headers, text } = serializeReply(reply, verdictHeaders);
  return new Response(text ?? null, { status, headers: checkHeaders(headers) });
}

function withVerdict(response: Response, headers: HeaderSet, binding: BodyBinding): Response {
  const { status, statusText, body } = response;
  // A protocol switch and Response.error() cannot be constructed again, and clients read no headers of them.
  if (status < 200) return response;
  const { tenant, onEnd, onSourceEnd } = binding;
  const isBound = body !== null && (tenant !== undefined || onEnd !== undefined || onSourceEnd !== undefined);
  if (!isBound && Object.keys(headers).length === 0) return response;
  // Always a copy: the headers of Response.redirect() and of a fetched response are immutable.
  const sent = isBound ? bindBody(body, binding) : body;
  return new Response(sent, { status, statusText, headers: mergeGuardHeaders(response.headers, headers) });
}

const isPublic = (headers: Headers): boolean =>
  /(?:^|,)\s*(?:public|s-maxage\s*=)/iu.test(headers.get("cache-control") ?? "");

// The handler ran after the guards, so its value wins, as in frameworks where the guard writes to the response first.
function mergeGuardHeaders(own: Headers, guards: HeaderSet): Headers {
  const all = new Headers(own);
  for (const [name, value] of Object.entries(guards)) {
    const existing = all.get(name);
    // A shared cache would send the cookie to every client.
    if (name.toLowerCase() === "set-cookie") {
      if (!isPublic(own)) all.append(name, value);
    } else if (existing === null) all.set(name, value);
    else all.set(name, joinValues(name.toLowerCase(), value, existing));
  }
  return all;
}
