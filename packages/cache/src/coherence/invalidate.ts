import { storeFail } from "../events.js";
import type { Invalidation } from "../store.js";
import type { CacheContext } from "./context.js";
import type { TenantState } from "./tenant-state.js";

/**
 * The state of a write or an invalidation.
 * `applied`: no process reads the old value from the store any more, and all subscribed processes were notified.
 * `queued`: the store was unreachable. This process does not serve the old value; others may until a retry succeeds.
 * `lost`: as `queued`, but the retry queue is full: the old value ends with its ttl.
 * `refused`: a set with an older version than the stored one, or a set that a newer write overtook.
 */
export interface Receipt {
  readonly state: "applied" | "queued" | "lost" | "refused";
}

export const APPLIED: Receipt = { state: "applied" };

/** Invalidates L1, the store, and L1 again: a value that was read from the store in between was read too early. */
export async function invalidate(
  context: CacheContext,
  tenant: TenantState,
  invalidation: Invalidation,
): Promise<Receipt> {
  tenant.counts.invalidations++;
  tenant.apply(invalidation);
  if (context.store === undefined) return APPLIED;
  tenant.pendingCalls++;
  try {
    await context.store.invalidate(invalidation);
    return APPLIED;
  } catch (error) {
    return queueInvalidation(context, invalidation, error);
  } finally {
    tenant.apply(invalidation);
    tenant.pendingCalls--;
  }
}

export function queueInvalidation({ retryQueue }: CacheContext, invalidation: Invalidation, error: unknown): Receipt {
  storeFail.publish(() => ({ tenantId: invalidation.tenantId, operation: "invalidate", error }));
  return { state: retryQueue?.add(invalidation) === true ? "queued" : "lost" };
}
