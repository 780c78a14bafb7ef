import { joinKey, keySegment, tenantKeyPrefix } from "@scale/core/kit";
import type { LedgerAddress } from "../ledger/types.js";

/** The keys of one count, all in the tenant's slot. */
export interface CountKeys {
  readonly state: string;
  readonly holds: string;
  /** What became of one id. */
  record(id: string): string;
}

export function countKeys(prefix: string, { tenantId, metric, period }: LedgerAddress): CountKeys {
  const start = `${tenantKeyPrefix(prefix, tenantId)}${joinKey([metric, period])}`;
  return { state: `${start}:state`, holds: `${start}:holds`, record: (id) => `${start}:id:${keySegment(id)}` };
}

/** The keys of the announced counts, in one slot. No tenant's key has this prefix. */
export function dueKeys(prefix: string): { readonly due: string; readonly lease: string } {
  return { due: `${prefix}-ledger:{due}:counts`, lease: `${prefix}-ledger:{due}:lease` };
}
