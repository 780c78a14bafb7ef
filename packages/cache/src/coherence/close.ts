import { withDeadline } from "@scale/core/kit";
import type { CacheContext } from "./context.js";
import type { TenantStates } from "./tenant-state.js";

/** Ends the background work of a cache, see `Cache.close`. Never rejects. */
export async function closeCache(
  { stalenessBound, retryQueue, leaseRenewer, leaseReturns }: CacheContext,
  states: TenantStates,
  timeoutMs: number,
): Promise<void> {
  stalenessBound.close();
  retryQueue?.close();
  // A caller has its value before the store has it. A process that ends then would leave a lease, for which others wait.
  await withDeadline(states.finished(), timeoutMs, "the running loads").catch(() => undefined);
  for (const lease of leaseRenewer?.endAll() ?? []) leaseReturns?.add(lease);
  await leaseReturns?.close();
}
