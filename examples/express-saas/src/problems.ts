import { STATUS_CODES } from "node:http";
import { isScaleError } from "@scale/core";
import { problem, type Reply } from "@scale/http";
import { DrizzleQueryError } from "drizzle-orm";
import type { ErrorRequestHandler } from "express";

/** The requested resource does not exist. The message is sent to the client. */
export class NotFoundError extends Error {
  readonly status = 404;
}

/**
 * An idempotency key was sent again with another request. The message is sent to the client.
 * Source: draft-ietf-httpapi-idempotency-key-header, section 2.7.
 */
export class KeyReusedError extends Error {
  readonly status = 422;
}

/** Unwraps errors of the router (tenant over its concurrency, no primary) that Drizzle wraps. Goes before `problemHandler()`. */
// oxlint-disable-next-line max-params -- Express recognises error middleware by its four parameters
export const unwrapDrizzle: ErrorRequestHandler = (error, _request, _response, next) => {
  next(error instanceof DrizzleQueryError && isScaleError(error.cause) ? error.cause : error);
};

/**
 * The last error middleware, after `problemHandler()`: answers the errors that it leaves to the application.
 * @param onError receives every error that is not the client's fault
 */
export function errorResponses(onError: (error: unknown) => void): ErrorRequestHandler {
  // oxlint-disable-next-line max-params -- Express recognises error middleware by its four parameters
  return (error, _request, response, next) => {
    if (response.headersSent) return next(error);
    const refused = clientError(error);
    if (refused === undefined) onError(error);
    const { status, headers, body } = refused ?? problem({ title: "Internal Server Error", status: 500 });
    response.status(status).set(headers).json(body);
  };
}

/** Handles `NotFoundError` and the 4xx errors of Express and its body parser: invalid JSON, large body, invalid path encoding. */
function clientError(error: unknown): Reply | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  const { status, message } = error;
  if (typeof status !== "number" || status < 400 || status > 499) return undefined;
  return problem({ title: STATUS_CODES[status] ?? "Bad Request", status, detail: message });
}
