import { isLocalRefusal, statusOf } from "../classify.js";
import { guardedRead } from "../guarded-read.js";
import type { Settled } from "../types.js";

/** Codes of errors that come before a byte was sent: repeating such a call is safe, whatever it does. */
const UNSENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

const RETRYABLE_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Whether a failed call is worth another attempt. One of 4xx is as wrong the second time, and one that a policy of this
 * package refused would be refused again.
 */
export function isRetryable(settled: Settled, isIdempotent: boolean): boolean {
  if ("error" in settled) {
    if (isLocalRefusal(settled.error)) return false;
    if (guardedRead(() => wasUnsent(settled.error), false)) return true;
    if (!isIdempotent) return false;
  }
  const status = statusOf("error" in settled ? settled.error : settled.value);
  if (status !== undefined) return isIdempotent && RETRYABLE_STATUS.has(status);
  return "error" in settled;
}

function wasUnsent(error: unknown, depth = 0): boolean {
  if (typeof error !== "object" || error === null || depth > 3) return false;
  if ("code" in error && typeof error.code === "string" && UNSENT.has(error.code)) return true;
  // `fetch` wraps the error of the socket.
  return "cause" in error && wasUnsent(error.cause, depth + 1);
}

/** Frees the connection of a response that is not used. */
export function discard(value: unknown): void {
  const body = guardedRead(() => bodyOf(value), undefined);
  if (typeof body !== "object" || body === null) return;
  if ("cancel" in body && typeof body.cancel === "function") {
    Promise.resolve(body.cancel()).catch(() => {
      // The body is locked or has failed: there is nothing left to free.
    });
  } else if ("destroy" in body && typeof body.destroy === "function") body.destroy();
}

const bodyOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "body" in value ? value.body : undefined;
