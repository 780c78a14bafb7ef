import { joinKey, keySegment, tenantKeyPrefix } from "@scale/core/kit";
import type { LedgerAddress } from "../ledger/types.js";

/** Keys of one count, all in the tenant's slot. */
export function countKeys(
  prefix: string,
  { tenantId, metric, period }: LedgerAddress,
): { readonly state: string; readonly holds: string } {
  const start = `${tenantKeyPrefix(prefix, tenantId)}${joinKey([metric, period])}`;
  return { state: `${start}:state`, holds: `${start}:holds` };
}

/** Key of the record of an id, in every period, or of a call without an id. It has fewer segments than a count's. */
export function recordKey(
  prefix: string,
  { tenantId, id, call }: { readonly tenantId: string; readonly id: string | undefined; readonly call: string },
): string {
  const name = id === undefined ? `call:${keySegment(call)}` : `id:${keySegment(id)}`;
  return `${tenantKeyPrefix(prefix, tenantId)}${name}`;
}

/** Keys of the dirty set and of the lease on its recovery, in one slot. No tenant's key has this prefix. */
export function dirtyKeys(prefix: string): { readonly counts: string; readonly lease: string } {
  return { counts: `${prefix}-ledger:{dirty}:counts`, lease: `${prefix}-ledger:{dirty}:lease` };
}
