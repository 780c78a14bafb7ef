import { AsyncResource } from "node:async_hooks";
import type { CheckOptions, Decision, RateLimitSubject, Slot } from "../types.js";
import type { WaitRefusal, WaitResult } from "./types.js";

/** One request of a queue. */
export class Waiter {
  readonly subject: RateLimitSubject;
  readonly tenantId: string | undefined;
  readonly check: CheckOptions;
  readonly cost: number;
  /** Monotonic milliseconds. */
  readonly arrivedAt: number;
  readonly deadline: number;
  readonly result: Promise<WaitResult>;
  /** The last decision about this request. */
  decision: Decision | undefined;
  /** Monotonic milliseconds: when the limiter is asked. */
  dueAt = 0;
  /** Monotonic milliseconds: rules other than `concurrency` would deny the request before. */
  deniedUntil = 0;
  isAsking = false;
  /** True while the request counts against the limits of the queue. */
  isQueued = false;
  readonly #signal: AbortSignal | undefined;
  #onAbort: (() => void) | undefined;
  #context: AsyncResource | undefined;
  #resolve!: (result: WaitResult) => void;
  #reject!: (error: unknown) => void;

  constructor(
    request: Pick<Waiter, "subject" | "tenantId" | "check" | "cost">,
    { arrivedAt, maxWaitMs, signal }: { arrivedAt: number; maxWaitMs: number; signal: AbortSignal | undefined },
  ) {
    this.subject = request.subject;
    this.tenantId = request.tenantId;
    this.check = request.check;
    this.cost = request.cost;
    this.#signal = signal;
    this.arrivedAt = arrivedAt;
    this.deadline = arrivedAt + maxWaitMs;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Keeps the async context of the caller: the request is decided later, from a timer or after another request. */
  keepContext(): void {
    this.#context ??= new AsyncResource("scale:rate-limit-wait");
  }

  /** Runs `fn` in the async context of the caller. */
  run(fn: () => void): void {
    if (this.#context === undefined) fn();
    else this.#context.runInAsyncScope(fn);
  }

  watchSignal(onAbort: (reason: unknown) => void): void {
    const signal = this.#signal;
    if (signal === undefined) return;
    this.#onAbort = () => onAbort(signal.reason);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  unwatchSignal(): void {
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener("abort", this.#onAbort);
  }

  admit(decision: Decision, { now, slot }: { now: number; slot: Slot | undefined }): void {
    const waitedMs = now - this.arrivedAt;
    this.#resolve({ allowed: true, decision, waitedMs, ...(slot !== undefined && { slot }) });
  }

  refuse(reason: WaitRefusal, { now, retryAfterMs }: { now: number; retryAfterMs: number }): void {
    const { decision, arrivedAt } = this;
    this.#resolve({ allowed: false, reason, decision, waitedMs: now - arrivedAt, retryAfterMs });
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}
