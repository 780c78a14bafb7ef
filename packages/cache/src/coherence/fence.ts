import type { CacheContext } from "./context.js";
import type { TenantState } from "./tenant-state.js";

/**
 * Opens a fence: the result is true while nothing of this tenant was invalidated since. Check it after every await, before
 * L1 is written. A flight is its own fence, because an invalidation detaches it by its key; this one is for calls without a
 * flight.
 */
export function openFence({ stalenessBound }: CacheContext, tenant: TenantState): () => boolean {
  const { invalidationCount } = tenant;
  const epoch = stalenessBound.epoch();
  // A retired state hears of no invalidation any more: its successor does.
  return () => !tenant.isRetired && tenant.invalidationCount === invalidationCount && stalenessBound.epoch() === epoch;
}
