import { STATUS_CODES } from "node:http";
import { isScaleError } from "@scale/core";
import { problem, type Reply } from "@scale/http";
import { DrizzleQueryError } from "drizzle-orm";
import type { ErrorRequestHandler } from "express";

/** What was asked for is not there. The message goes to the client. */
export class NotFoundError extends Error {
  readonly status = 404;
}

/** Before `problemHandler()`: Drizzle wraps what its pool throws, also that a tenant has no place, or nobody takes writes. */
// oxlint-disable-next-line max-params -- with three Express takes it for a route's middleware
export const unwrapDrizzle: ErrorRequestHandler = (error, _request, _response, next) => {
  next(error instanceof DrizzleQueryError && isScaleError(error.cause) ? error.cause : error);
};

/**
 * The last error middleware, after `problemHandler()`: answers what that leaves to the application.
 * @param onError gets every error that is not the client's
 */
export function errorResponses(onError: (error: unknown) => void): ErrorRequestHandler {
  // oxlint-disable-next-line max-params -- with three Express takes it for a route's middleware
  return (error, _request, response, next) => {
    if (response.headersSent) return next(error);
    const refused = clientError(error);
    if (refused === undefined) onError(error);
    const { status, headers, body } = refused ?? problem({ title: "Internal Server Error", status: 500 });
    response.status(status).set(headers).json(body);
  };
}

/** Our 404, and what Express and its body parser refuse: broken JSON, a body too large, a path that is not UTF-8. */
function clientError(error: unknown): Reply | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  const { status, message } = error;
  if (typeof status !== "number" || status < 400 || status > 499) return undefined;
  return problem({ title: STATUS_CODES[status] ?? "Bad Request", status, detail: message });
}
