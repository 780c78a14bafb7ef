import type { StoredJob } from "../types.js";
import type { JobContext } from "./types.js";

/** The abort signal of an attempt, made when a handler reads it: most never do. */
export class StopSignal {
  #controller: AbortController | undefined;
  isAborted = false;
  reason: unknown;

  /** The first reason holds. */
  abort(reason: unknown): void {
    if (this.isAborted) return;
    this.isAborted = true;
    this.reason = reason;
    this.#controller?.abort(reason);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.isAborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }
}

interface Running {
  readonly stop: StopSignal;
  readonly remainingMs: () => number;
}

/** The job that a handler gets. Its getters are its own, so that a copy has their values too. */
export function createJobContext(job: StoredJob, data: unknown, { stop, remainingMs }: Running): JobContext {
  const { id, name, tenantId, userId, attemptsMade, maxAttempts, enqueuedAtMs } = job;
  return {
    id,
    name,
    data,
    tenantId,
    userId,
    attempt: attemptsMade + 1,
    maxAttempts,
    remainingMs,
    get signal() {
      return stop.signal;
    },
    get enqueuedAt() {
      return new Date(enqueuedAtMs);
    },
  };
}
