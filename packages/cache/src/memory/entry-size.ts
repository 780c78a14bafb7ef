import type { Entry } from "./types.js";

// Overhead on 64-bit Node: the objects of this folder, their slots in maps, queues and heaps, and the `Entry` of a value.
// A test compares it with the heap.
const NODE_BYTES = 278;
/** Overhead of a namespace of a tenant. */
export const NAMESPACE_BYTES = 330;
const TENANT_BYTES = 850;

/** Estimates the bytes of an entry with its overhead. */
export function entryNodeBytes(key: string, entry: Entry): number {
  return entry.bytes + NODE_BYTES + textBytes(key);
}

/** Estimates the bytes of a tenant without its namespaces and entries. */
export function tenantBytes(tenantId: string): number {
  return TENANT_BYTES + textBytes(tenantId);
}

/** Estimates the bytes of a string: 16, and one per character, or two when a character needs it. */
function textBytes(text: string): number {
  return 16 + (Buffer.byteLength(text) === text.length ? text.length : 2 * text.length);
}
