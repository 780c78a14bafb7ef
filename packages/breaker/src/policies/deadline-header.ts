import { deadline } from "@scale/core";
import { headerOf } from "../classify.js";
import type { CallContext } from "../types.js";

/** Milliseconds that the caller still waits. A duration, because clocks of two machines differ. */
export const DEADLINE_HEADER = "x-request-timeout-ms";

/** Longest deadline that is sent: ten digits are a hundred days. */
const MAX_SENT_MS = 9_999_999_999;

/**
 * The header that tells a service how long its answer is waited for: `fetch(url, { headers: deadlineHeaders(call) })`.
 * @param call context of the action; without it the deadline of `deadline.run` is sent
 * @returns an object without members when there is no deadline
 */
export function deadlineHeaders(call?: CallContext): Readonly<Record<string, string>> {
  const leftMs = call === undefined ? deadline.remainingMs() : call.remainingMs();
  if (leftMs > MAX_SENT_MS) return {};
  return { [DEADLINE_HEADER]: String(Math.floor(leftMs)) };
}

/**
 * Reads the deadline that a client sent, to run a request by: `deadline.run(readDeadline(request.headers, { maxMs: 10_000 }), …)`.
 * @param options `maxMs` is the longest time that a request has, and the time of one without a valid header: a client cannot
 *   extend it
 * @returns milliseconds from 0 to `maxMs`
 */
export function readDeadline(headers: unknown, { maxMs }: { readonly maxMs: number }): number {
  const text = headerOf(headers, DEADLINE_HEADER);
  // Digits only: NaN, -1, 1e12 and a list of two values are no deadline.
  if (typeof text !== "string" || !/^\d{1,15}$/.test(text)) return maxMs;
  return Math.min(Number(text), maxMs);
}
