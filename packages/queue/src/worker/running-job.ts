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

/** The job that a handler gets. */
export class RunningJob implements JobContext {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  readonly tenantId: string;
  readonly userId: string | undefined;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly remainingMs: () => number;
  readonly #stop: StopSignal;
  readonly #enqueuedAtMs: number;

  constructor(job: StoredJob, data: unknown, { stop, remainingMs }: Running) {
    this.id = job.id;
    this.name = job.name;
    this.data = data;
    this.tenantId = job.tenantId;
    this.userId = job.userId;
    this.attempt = job.attemptsMade + 1;
    this.maxAttempts = job.maxAttempts;
    this.remainingMs = remainingMs;
    this.#stop = stop;
    this.#enqueuedAtMs = job.enqueuedAtMs;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get enqueuedAt(): Date {
    return new Date(this.#enqueuedAtMs);
  }
}
