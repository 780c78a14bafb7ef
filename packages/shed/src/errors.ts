import { ScaleError } from "@scale/core";
import type { RefusalReason, Refused } from "./types.js";

/**
 * Members of the problem document of a refusal.
 * Source: draft-ietf-httpapi-ratelimit-headers, problem type "temporary-reduced-capacity".
 */
export const OVERLOAD_PROBLEM: { readonly type: string; readonly detail: string } = Object.freeze({
  type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
  detail: "The service handles less than usual at the moment. Try again later.",
});

/** A shedder refused the work. `problem` is the part that a client may see. */
export class OverloadError extends ScaleError {
  readonly status = 503;
  readonly problem: typeof OVERLOAD_PROBLEM = OVERLOAD_PROBLEM;
  readonly reason: RefusalReason;
  readonly retryAfterMs: number;

  constructor({ reason, retryAfterMs }: Refused) {
    super("SCALE_OVERLOAD", `the process is overloaded: ${reason}`);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}
