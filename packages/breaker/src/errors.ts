import { ScaleError } from "@scale/core";
import type { BreakerState } from "./types.js";

export interface OpenErrorInit {
  readonly breaker: string;
  readonly key: string | undefined;
  readonly state: BreakerState | "forced-open";
  readonly retryAfterMs: number;
  readonly cause: unknown;
}

/**
 * A breaker refused the call, and the action did not run. `cause` is the error that opened the breaker, if there was one.
 * It has no stack trace: refusals are frequent while a dependency is down, and traces would cost more than the rest.
 */
export class OpenError extends ScaleError {
  readonly status = 503;
  readonly breaker: string;
  readonly key: string | undefined;
  readonly state: BreakerState | "forced-open";
  /** Milliseconds after which a call may be admitted. */
  readonly retryAfterMs: number;

  constructor({ breaker, key, state, retryAfterMs, cause }: OpenErrorInit) {
    const about = key === undefined ? breaker : `${breaker} of ${key}`;
    const again = Number.isFinite(retryAfterMs) ? `, retry after ${Math.ceil(retryAfterMs)} ms` : "";
    super("SCALE_OPEN", `breaker ${about} is ${state}${again}`, cause === undefined ? undefined : { cause });
    this.breaker = breaker;
    this.key = key;
    this.state = state;
    this.retryAfterMs = retryAfterMs;
  }

  /** Members of the problem document. */
  get problem(): { readonly headers?: Readonly<Record<string, string>> } {
    if (!Number.isFinite(this.retryAfterMs)) return {};
    return { headers: { "retry-after": String(Math.max(1, Math.ceil(this.retryAfterMs / 1000))) } };
  }
}

/** A bulkhead or a concurrency limit refused the call, and the action did not run. */
export class BusyError extends ScaleError {
  readonly status = 503;
  /** Name of the limit. */
  readonly what: string;
  readonly reason: "shed" | "queue-full" | "waited-too-long";

  constructor(what: string, reason: BusyError["reason"]) {
    super("SCALE_BUSY", `${what}: ${reason}`);
    this.what = what;
    this.reason = reason;
  }
}

/** The breaker was disposed. */
export class ClosedError extends ScaleError {
  readonly status = 503;

  constructor(breaker: string) {
    super("SCALE_CLOSED", `breaker ${breaker} is disposed: create a new one, or end its callers first`);
  }
}

/** Creates an error without a stack trace, which takes a third of the time. */
export function withoutStack<E extends Error>(create: () => E): E {
  // A process with frozen intrinsics keeps its traces.
  if (Object.isFrozen(Error)) return create();
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return create();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
