import { textBytes } from "./entry-size.js";
import type { Entry } from "./types.js";

// What objects of this folder, their places in maps, queues and heaps, and an `Entry` beside its value take on 64-bit Node.
// `overhead.test.ts` holds them against the heap.
const ITEM_BYTES = 278;
/** A namespace of a tenant. */
export const SPACE_BYTES = 330;
const TENANT_BYTES = 850;

/** What an entry takes in all. */
export function itemBytes(key: string, entry: Entry): number {
  return entry.bytes + ITEM_BYTES + textBytes(key);
}

/** What a tenant takes beside its namespaces and entries. */
export function tenantBytes(tenantId: string): number {
  return TENANT_BYTES + textBytes(tenantId);
}
