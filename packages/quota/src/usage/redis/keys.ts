import { joinKey, keySegment, tenantKeyPrefix } from "@scale/core/kit";
import type { LedgerAddress } from "../ledger/types.js";

/** Keys of one count, all in the tenant's slot. `record` is the key of one id's state. */
export function countKeys(
  prefix: string,
  { tenantId, metric, period }: LedgerAddress,
): { readonly state: string; readonly holds: string; record(id: string): string } {
  const start = `${tenantKeyPrefix(prefix, tenantId)}${joinKey([metric, period])}`;
  return { state: `${start}:state`, holds: `${start}:holds`, record: (id) => `${start}:id:${keySegment(id)}` };
}

/** Keys of the dirty set and of the lease on its recovery, in one slot. No tenant's key has this prefix. */
export function dirtyKeys(prefix: string): { readonly counts: string; readonly lease: string } {
  return { counts: `${prefix}-ledger:{dirty}:counts`, lease: `${prefix}-ledger:{dirty}:lease` };
}
