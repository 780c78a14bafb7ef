import { AsyncResource } from "node:async_hooks";
import type { ServerResponse } from "node:http";
import { tenancy } from "@scale/core";
import { isPromiseLike } from "@scale/core/kit";
import { checkFunction } from "../check-function.js";
import { factsFromNode, type NodeRequest } from "./toolkit/facts.js";
import { writeHeaders } from "../headers.js";
import { nodeHeaders, sendReply } from "./toolkit/node-response.js";
import { problemFromError } from "../problem.js";
import { trackWork, watchVerdict } from "./toolkit/node-work.js";
import { watchPeerAddresses } from "./toolkit/peer-address.js";
import { bindEvents } from "./toolkit/tenant-streams.js";
import type { HttpGuard } from "../types.js";

export type { NodeRequest } from "./toolkit/facts.js";

/** Calls the next handler, or the error handlers. */
export type Next = (error?: unknown) => void;

/** Middleware for Express 5 and 4, Connect and plain `node:http`. */
export type NodeMiddleware = (request: NodeRequest, response: ServerResponse, next: Next) => Promise<void>;

/** Error middleware. Express and Connect recognise it by its four parameters. */
// oxlint-disable-next-line max-params -- the signature of Express
export type NodeErrorMiddleware = (error: unknown, request: NodeRequest, response: ServerResponse, next: Next) => void;

/**
 * Runs a guard as middleware. Later middleware and handlers, with their listeners on the request and the response, run
 * for the tenant of the verdict.
 * An error of the guard goes to `next(error)`; `problemHandler` answers errors of `@scale` packages. A reply to a request
 * whose response has begun closes the connection, and `next` gets a ResponseBegunError.
 * @throws {ConfigError} for a guard that is not a function
 */
export function toExpress(guard: HttpGuard): NodeMiddleware {
  checkFunction(guard, "toExpress: guard");
  watchPeerAddresses();
  return async (request, response, next) => {
    let proceed = (): unknown => next();
    try {
      const given = await guard(factsFromNode(request));
      // Before everything that may throw: `onEnd` must run with the end of the response, whatever happens here.
      const { headers = {}, reply, tenant } = watchVerdict(response, given, "toExpress: guard");
      if (reply !== undefined) {
        sendReply(response, reply, headers);
        return;
      }
      if (!response.headersSent) writeHeaders(headers, nodeHeaders(response));
      if (tenant !== undefined) {
        proceed = tenancy.run(tenant, () => AsyncResource.bind(proceed));
        bindEvents(request, tenant);
        bindEvents(response, tenant);
      }
    } catch (error) {
      next(error);
      return;
    }
    // Outside of the try: an error of a later handler is not the guard's and must not call `next` a second time.
    const work = proceed();
    // The `next` of Express and Connect returns nothing; that of other frameworks may return when the handlers have ended.
    if (isPromiseLike(work)) trackWork(response, work);
  };
}

/**
 * Error middleware, mounted after the routes: answers errors of `@scale` packages with their problem. Passes every other
 * error to the next error handler, and every error after the response has begun.
 */
export function problemHandler(): NodeErrorMiddleware {
  // oxlint-disable-next-line max-params -- with three parameters Express takes it for normal middleware
  return (error, _request, response, next) => {
    const reply = response.headersSent ? undefined : problemFromError(error);
    if (reply === undefined) next(error);
    else sendReply(response, reply);
  };
}
