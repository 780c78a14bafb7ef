import type { EntryAddress } from "../../store.js";
import { entryKey, generationKey, keyBase } from "../keys.js";

/**
 * Sorts a batch by tenant, and lists the keys that one command reads for it.
 * @returns `keys`: for each tenant its generation, then its entries; `sizes`: the number of entries of each tenant
 */
export function groupByTenant<T extends { readonly address: EntryAddress }>(
  prefix: string,
  batch: readonly T[],
): { readonly ordered: readonly T[]; readonly keys: string[]; readonly sizes: readonly number[] } {
  const keys: string[] = [];
  const first = batch[0]?.address.tenantId ?? "";
  // The usual case: all entries belong to one tenant.
  if (batch.every(({ address }) => address.tenantId === first)) {
    append(keys, keyBase(prefix, first), batch);
    return { ordered: batch, keys, sizes: [batch.length] };
  }
  const tenants = new Map<string, T[]>();
  for (const item of batch) {
    const same = tenants.get(item.address.tenantId);
    if (same === undefined) tenants.set(item.address.tenantId, [item]);
    else same.push(item);
  }
  for (const [tenantId, items] of tenants) append(keys, keyBase(prefix, tenantId), items);
  const groups = [...tenants.values()];
  return { ordered: groups.flat(), keys, sizes: groups.map(({ length }) => length) };
}

function append(keys: string[], base: string, items: readonly { readonly address: EntryAddress }[]): void {
  keys.push(generationKey(base));
  for (const { address } of items) keys.push(entryKey(base, address.key));
}
