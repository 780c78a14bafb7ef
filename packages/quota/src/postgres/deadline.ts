import { StoreError } from "@scale/core";
import { createDeadline, type Deadline } from "@scale/core/kit";

/** A deadline for Postgres: late and failed work rejects with `StoreError`, and the error of the driver as its cause. */
export function createStoreDeadline(timeoutMs: number): Deadline {
  const deadline = createDeadline(timeoutMs);
  return async (work, what) => {
    try {
      return await deadline(work, what);
    } catch (cause) {
      throw new StoreError(`${what} did not answer`, { cause });
    }
  };
}
