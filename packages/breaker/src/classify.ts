import { isScaleError, systemClock } from "@scale/core";
import { guardedRead } from "./guarded-read.js";
import type { Classify, Outcome, Settled } from "./types.js";

/** Codes of our own refusals: the dependency was not asked, so they say nothing about it. */
const LOCAL_REFUSALS = ["SCALE_OPEN", "SCALE_BUSY", "SCALE_CLOSED"] as const;

/** True for an error with which a policy of this package refused a call before it was sent. */
export function isLocalRefusal(error: unknown): boolean {
  return isScaleError(error) && (LOCAL_REFUSALS as readonly string[]).includes(error.code);
}

/** Counts every error as a failure and every value as a success. */
export const classifyErrors: Classify = (settled) => ("error" in settled ? "failure" : "success");

/**
 * Counts by HTTP status, of a response or of an error with a `status` or `statusCode`: 5xx and 408 are failures. Other 4xx
 * are ignored: they say that the request is wrong or the client too fast, and one tenant with bad credentials must not open the
 * breaker of all. Errors without a status are failures.
 */
export const classifyHttp: Classify = (settled) => {
  const status = statusOf("error" in settled ? settled.error : settled.value);
  if (status === undefined) return classifyErrors(settled);
  return outcomeOfStatus(status);
};

function outcomeOfStatus(status: number): Outcome {
  if (status >= 500 || status === 408) return "failure";
  return status >= 400 ? "ignore" : "success";
}

/** HTTP status of a response, of an error, or of the response inside of an error. */
export const statusOf = (value: unknown): number | undefined => guardedRead(() => readStatus(value), undefined);

function readStatus(value: unknown): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if ("status" in value && typeof value.status === "number") return value.status;
  if ("statusCode" in value && typeof value.statusCode === "number") return value.statusCode;
  return "response" in value ? readStatus(value.response) : undefined;
}

/**
 * Milliseconds that a dependency asked to wait: `retryAfterMs` of an error, or the header `Retry-After` in seconds or as a
 * date. 0 for none.
 */
export function retryAfterMsOf(settled: Settled, now: () => number = systemClock.now): number {
  return guardedRead(() => waitOf("error" in settled ? settled.error : settled.value, now), 0);
}

function waitOf(value: unknown, now: () => number): number {
  if (typeof value !== "object" || value === null) return 0;
  if ("retryAfterMs" in value) return positive(value.retryAfterMs);
  if ("headers" in value) return waitOfHeader(headerOf(value.headers, "retry-after"), now);
  return "response" in value ? waitOf(value.response, now) : 0;
}

/** A header of a `Headers` object, or of a record with lower-case names as Node and undici have it. */
export function headerOf(headers: unknown, name: string): unknown {
  if (typeof headers !== "object" || headers === null) return undefined;
  if ("get" in headers && typeof headers.get === "function") return headers.get(name);
  return (headers as Readonly<Record<string, unknown>>)[name];
}

function waitOfHeader(text: unknown, now: () => number): number {
  if (typeof text !== "string" || text === "") return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text) * 1000;
  return positive(Date.parse(text) - now());
}

const positive = (value: unknown): number => (typeof value === "number" && value > 0 ? value : 0);
