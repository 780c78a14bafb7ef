import { AsyncResource } from "node:async_hooks";
import type { ServerResponse } from "node:http";
import { tenancy } from "@scale/core";
import { checkFunction } from "../check-function.js";
import { factsFromNode, type NodeRequest } from "./toolkit/facts.js";
import { writeHeaders } from "../headers.js";
import { nodeHeaders, sendReply } from "./toolkit/node-response.js";
import { onResponseEnd } from "../on-end.js";
import { problemFromError } from "../problem.js";
import { bindEvents } from "./toolkit/tenant-streams.js";
import type { HttpGuard } from "../types.js";

export type { NodeRequest } from "./toolkit/facts.js";

/** Continues with the next handler, or with the error handlers. */
export type Next = (error?: unknown) => void;

/** Middleware for Express 5 and 4, Connect and plain `node:http`. */
export type NodeMiddleware = (request: NodeRequest, response: ServerResponse, next: Next) => Promise<void>;

/** Error middleware of Express and Connect, which know it by its four parameters. */
// oxlint-disable-next-line max-params -- the signature is theirs
export type NodeErrorMiddleware = (error: unknown, request: NodeRequest, response: ServerResponse, next: Next) => void;

/**
 * Runs a guard as middleware. What comes after it, listeners on the request and the response included, runs for the
 * tenant that the guard gave.
 * A guard that throws goes to `next(error)`; `problemHandler` turns what it knows of that into an answer.
 * @throws {ConfigError} for a guard that is not a function
 */
export function toExpress(guard: HttpGuard): NodeMiddleware {
  checkFunction(guard, "toExpress: guard");
  return async (request, response, next) => {
    let proceed = (): void => next();
    try {
      const { headers = {}, reply, tenant, onEnd } = await guard(factsFromNode(request));
      // Before all that may throw: what the guard waits for ends with the response, whatever becomes of it.
      if (onEnd !== undefined) onResponseEnd(response, onEnd);
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
    // Outside of the try: a failure of what comes next is not the guard's, and must not call next a second time.
    proceed();
  };
}

/**
 * Error middleware, after the routes: answers errors of `@scale` packages with their problem and passes on the rest,
 * as well as everything that comes when the response has begun.
 */
export function problemHandler(): NodeErrorMiddleware {
  // oxlint-disable-next-line max-params -- with three Express takes it for a route's middleware
  return (error, _request, response, next) => {
    const reply = response.headersSent ? undefined : problemFromError(error);
    if (reply === undefined) next(error);
    else sendReply(response, reply);
  };
}
