import type { EntryAddress } from "../../store.js";
import { entryKey, generationKey, keyBase } from "../keys.js";

export interface ByTenant<T> {
  readonly ordered: readonly T[];
  /** Each tenant's generation, then its entries. */
  readonly keys: string[];
  /** Entries of each tenant. */
  readonly sizes: readonly number[];
}

/** Puts what is asked of the same tenant together. */
export function byTenant<T extends { readonly place: EntryAddress }>(prefix: string, batch: readonly T[]): ByTenant<T> {
  const first = batch[0];
  // The usual case: all of one tenant.
  if (first === undefined || batch.every(({ place }) => place.tenantId === first.place.tenantId)) {
    const keys: string[] = [];
    if (first !== undefined) append(keys, keyBase(prefix, first.place.tenantId), batch);
    return { ordered: batch, keys, sizes: [batch.length] };
  }
  const tenants = new Map<string, T[]>();
  for (const item of batch) {
    const same = tenants.get(item.place.tenantId);
    if (same === undefined) tenants.set(item.place.tenantId, [item]);
    else same.push(item);
  }
  const keys: string[] = [];
  const groups = [...tenants];
  for (const [tenantId, items] of groups) append(keys, keyBase(prefix, tenantId), items);
  return { ordered: groups.flatMap(([, items]) => items), keys, sizes: groups.map(([, items]) => items.length) };
}

function append(keys: string[], base: string, items: readonly { readonly place: EntryAddress }[]): void {
  keys.push(generationKey(base));
  for (const { place } of items) keys.push(entryKey(base, place.key));
}
