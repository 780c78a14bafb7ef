import { StoreError } from "@scale/core";
import { createDeadline, describeValue } from "@scale/core/kit";
import type { ConsumeRequest, ConsumeResult, HeldSlot, RateLimitStore, RefundRequest, RuleStatus } from "../types.js";

/** Calls a store within its deadline. */
export interface StoreClient {
  /** False for a store that returns values instead of promises: caching its results would cost as much as asking. */
  readonly isRemote: boolean;
  /** Passes on the store's own error. The caller checks the result: see `checkResult`. */
  consume(request: ConsumeRequest): ConsumeResult | Promise<ConsumeResult>;
  /** Passes on the store's own error. */
  release(held: HeldSlot): void | Promise<void>;
  /** @throws {StoreError} when the store cannot answer, or answers with anything but a result for the request */
  consumeChecked(request: ConsumeRequest): Promise<ConsumeResult>;
  /** @throws {StoreError} when the store cannot answer */
  refund(request: RefundRequest): Promise<void>;
  /** @throws {StoreError} when the store cannot answer */
  reset(request: Pick<ConsumeRequest, "tenantId" | "charges">): Promise<void>;
}

/** @param timeoutMs deadline for stores that have none of their own */
export function createStoreClient({ store, timeoutMs }: { store: RateLimitStore; timeoutMs: number }): StoreClient {
  const withinDeadline = createDeadline(timeoutMs);

  // A store that claims to return values and returns a promise has no deadline of its own.
  function inTime<T>(answer: T | Promise<T>): T | Promise<T> {
    if (!(answer instanceof Promise) || store.settlesWithinMs) return answer;
    return withinDeadline(answer, "the rate limit store");
  }

  async function orStoreError<T>(verb: string, call: () => T | Promise<T>, check?: (answer: T) => void): Promise<T> {
    try {
      const answer = await inTime(call());
      check?.(answer);
      return answer;
    } catch (cause) {
      throw new StoreError(`the rate limit store could not ${verb}`, { cause });
    }
  }

  return {
    isRemote: store.settlesWithinMs !== 0,
    consume: (request) => inTime(store.consume(request)),
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

/**
 * Checks a result, because it decides which requests are admitted.
 * @throws {StoreError} for anything that is not a result for the request
 */
export function checkResult(result: ConsumeResult, { charges }: ConsumeRequest): void {
  const { allowed, statuses } = result;
  let isSound = typeof allowed === "boolean" && statuses.length === charges.length;
  for (let i = 0; i < statuses.length; i++) isSound &&= isStatus(statuses[i] as RuleStatus, charges[i]?.want ?? 0);
  if (isSound) return;
  throw new StoreError(
    `the rate limit store: expected a result with ${charges.length} statuses, got ${describeValue(result)}`,
  );
}

function isStatus({ remaining, resetMs, retryAfterMs, granted = 0 }: RuleStatus, want: number): boolean {
  return isAmount(remaining) && isAmount(resetMs) && isAmount(retryAfterMs) && isAmount(granted) && granted <= want;
}

const isAmount = (value: unknown): boolean => typeof value === "number" && value >= 0;
