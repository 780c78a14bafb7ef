import type { EntryAddress } from "../../store.js";
import { entryKey, generationKey, keyBase } from "../keys.js";

export interface GroupedByTenant<T> {
  readonly ordered: readonly T[];
  /** For each tenant its generation, then its entries. */
  readonly keys: string[];
  /** Number of entries of each tenant. */
  readonly sizes: readonly number[];
}

/** Sorts a batch by tenant, and lists the keys that one command reads for it. */
export function groupByTenant<T extends { readonly address: EntryAddress }>(
  prefix: string,
  batch: readonly T[],
): GroupedByTenant<T> {
  const first = batch[0];
  // The usual case: all entries belong to one tenant.
  if (first === undefined || batch.every(({ address }) => address.tenantId === first.address.tenantId)) {
    const keys: string[] = [];
    if (first !== undefined) append(keys, keyBase(prefix, first.address.tenantId), batch);
    return { ordered: batch, keys, sizes: [batch.length] };
  }
  const tenants = new Map<string, T[]>();
  for (const item of batch) {
    const same = tenants.get(item.address.tenantId);
    if (same === undefined) tenants.set(item.address.tenantId, [item]);
    else same.push(item);
  }
  const keys: string[] = [];
  const groups = [...tenants];
  for (const [tenantId, items] of groups) append(keys, keyBase(prefix, tenantId), items);
  return { ordered: groups.flatMap(([, items]) => items), keys, sizes: groups.map(([, items]) => items.length) };
}

function append(keys: string[], base: string, items: readonly { readonly address: EntryAddress }[]): void {
  keys.push(generationKey(base));
  for (const { address } of items) keys.push(entryKey(base, address.key));
}
