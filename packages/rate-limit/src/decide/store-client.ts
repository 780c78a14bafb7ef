import { isScaleError, StoreError } from "@scale/core";
import { createDeadline, describeValue, inRootContext, wasNotSent } from "@scale/core/kit";
import type {
  ConsumeRequest,
  ConsumeResult,
  HeldSlot,
  LateResult,
  RateLimitStore,
  RefundRequest,
  RuleStatus,
} from "../types.js";

/** Calls a store within its deadline. */
export interface StoreClient {
  /** False for a store that returns values instead of promises: caching its results would cost as much as asking. */
  readonly isRemote: boolean;
  /**
   * Passes on the store's own error. The caller checks the result: see `checkResult`.
   * A late answer goes to the callback of `whenLate`.
   */
  consume(request: ConsumeRequest): ConsumeResult | Promise<ConsumeResult>;
  /** Registers a callback for a failed request, for when the store answers it after all. It runs outside of any tenant. */
  whenLate(request: ConsumeRequest, callback: (result: ConsumeResult) => void): void;
  /** Passes on the store's own error. A late answer changes nothing: the caller repeats a failed release. */
  release(held: HeldSlot): void | Promise<void>;
  /**
   * A late answer changes nothing: repeated, a request is charged again, unless it has an id.
   * @throws {StoreError} when the store cannot answer, or answers with anything but a result for the request
   */
  consumeChecked(request: ConsumeRequest): Promise<ConsumeResult>;
  /**
   * A late answer changes nothing: repeated with the same id, the refund is applied once.
   * @throws {StoreError} when the store cannot answer
   */
  refund(request: RefundRequest): Promise<void>;
  /**
   * A late answer changes nothing: what is counted by then is deleted.
   * @throws {StoreError} when the store cannot answer
   */
  reset(request: Pick<ConsumeRequest, "tenantId" | "charges">): Promise<void>;
}

/** @param timeoutMs deadline for stores that have none of their own */
export function createStoreClient({ store, timeoutMs }: { store: RateLimitStore; timeoutMs: number }): StoreClient {
  const withinDeadline = createDeadline(timeoutMs);
  const callbacks = new WeakMap<ConsumeRequest, (result: ConsumeResult) => void>();

  // A store that claims to return values and returns a promise has no deadline of its own.
  function inTime<T>(answer: T | Promise<T>): T | Promise<T> {
    if (!(answer instanceof Promise) || store.settlesWithinMs) return answer;
    return withinDeadline(answer, "the rate limit store");
  }

  const onLate: LateResult = (request, result) => {
    const callback = callbacks.get(request);
    // The answer arrives in the context of another request, with which it shared a batch.
    if (callback !== undefined && isResult(result, request)) inRootContext(() => callback(result));
  };

  /** Waits for a store without a deadline of its own, and passes on its late result. */
  async function consumeInTime(request: ConsumeRequest, answer: Promise<ConsumeResult>): Promise<ConsumeResult> {
    try {
      return await withinDeadline(answer, "the rate limit store");
    } catch (error) {
      if (isScaleError(error, "SCALE_TIMEOUT")) answer.then((result) => onLate(request, result)).catch(ignore);
      throw error;
    }
  }

  async function orStoreError<T>(verb: string, call: () => T | Promise<T>, check?: (answer: T) => void): Promise<T> {
    try {
      const answer = await inTime(call());
      check?.(answer);
      return answer;
    } catch (cause) {
      throw new StoreError(`the rate limit store could not ${verb}`, { cause, notSent: wasNotSent(cause) });
    }
  }

  return {
    isRemote: store.settlesWithinMs !== 0,
    consume(request) {
      const answer = store.consume(request, onLate);
      if (!(answer instanceof Promise) || store.settlesWithinMs) return answer;
      return consumeInTime(request, answer);
    },
    whenLate: (request, callback) => void callbacks.set(request, callback),
    release: (held) => inTime(store.release(held)),
    consumeChecked: (request) =>
      orStoreError(
        "answer",
        () => store.consume(request),
        (result) => checkResult(result, request),
      ),
    refund: (request) => orStoreError("refund", () => store.refund(request)),
    reset: (request) => orStoreError("reset", () => store.reset(request)),
  };
}

const ignore = (): void => undefined;

/**
 * Checks a result, because it decides which requests are admitted.
 * @throws {StoreError} for anything that is not a result for the request
 */
export function checkResult(result: ConsumeResult, request: ConsumeRequest): void {
  if (isResult(result, request)) return;
  throw new StoreError(
    `the rate limit store: expected a result with ${request.charges.length} statuses, got ${describeValue(result)}`,
  );
}

function isResult({ allowed, statuses }: ConsumeResult, { charges }: ConsumeRequest): boolean {
  let isSound = typeof allowed === "boolean" && statuses.length === charges.length;
  for (let i = 0; i < statuses.length; i++) isSound &&= isStatus(statuses[i] as RuleStatus, charges[i]?.want ?? 0);
  return isSound;
}

function isStatus({ remaining, resetMs, retryAfterMs, granted = 0 }: RuleStatus, want: number): boolean {
  return isAmount(remaining) && isAmount(resetMs) && isAmount(retryAfterMs) && isAmount(granted) && granted <= want;
}

const isAmount = (value: unknown): boolean => typeof value === "number" && value >= 0;
