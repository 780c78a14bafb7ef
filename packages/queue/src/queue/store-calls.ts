import { deadline, isScaleError, StoreError } from "@scale/core";
import { createDeadline, withDeadline } from "@scale/core/kit";
import { storeFail } from "../events.js";

export interface StoreCallName {
  readonly operation: string;
  readonly tenantId?: string;
}

/**
 * Calls the store within the queue's deadline and that of the current work, whichever ends first.
 * @throws {StoreError} when the store fails or is late; each is published as `scale:queue:store-fail`
 */
export type StoreCalls = <T>(name: StoreCallName, call: () => Promise<T>) => Promise<T>;

export function createStoreCalls(queue: string, timeoutMs: number): StoreCalls {
  const inTime = createDeadline(timeoutMs);

  async function settle<T>(what: string, call: () => Promise<T>): Promise<T> {
    const leftMs = deadline.remainingMs();
    if (leftMs <= 0) throw new StoreError(`${what}: the deadline of the caller has passed`, { notSent: true });
    return leftMs < timeoutMs ? withDeadline(call(), leftMs, what) : inTime(call(), what);
  }

  return async ({ operation, tenantId }, call) => {
    const what = `queue ${queue}: ${operation}`;
    try {
      return await settle(what, call);
    } catch (cause) {
      const error = asStoreError(what, cause);
      if (isScaleError(error, "SCALE_STORE")) storeFail.publish(() => ({ tenantId, queue, operation, error }));
      throw error;
    }
  };
}

/** A refusal of the store, such as an `InputError`, stays what it is. */
function asStoreError(what: string, cause: unknown): unknown {
  if (isScaleError(cause) && cause.code !== "SCALE_TIMEOUT") return cause;
  return new StoreError(`${what}: the store did not answer`, { cause });
}
