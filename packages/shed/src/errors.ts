import { ScaleError } from "@scale/core";
import type { RefusalReason, Refused } from "./types.js";

/** A shedder refused the work. `problem` is what a client may see of it. */
export class OverloadError extends ScaleError {
  readonly status = 503;
  readonly reason: RefusalReason;
  readonly retryAfterMs: number;

  constructor({ reason, retryAfterMs }: Refused) {
    super("SCALE_OVERLOAD", `the process is overloaded: ${reason}`);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}
