import { createMemory, type Entry, type Memory } from "@scale/cache/scenarios";

/** Requests a key. Returns true for a hit, and stores the key otherwise. */
export type Ask = (key: number) => boolean;

export const NAMESPACE = "invoice";

/** An entry that never expires. All entries have the same size. */
export const ENTRY: Entry = { value: 1, bytes: 64, freshUntil: Infinity, usableUntil: Infinity, meta: undefined };

/** Keys of equal length, so that all entries have the same size. */
export const keyOf = (key: number): string => String(10_000_000 + key);

/** The bytes of memory that hold this number of entries of one tenant. */
export function bytesFor(entries: number): number {
  const partition = (memory: Memory) => memory.tenant("size");
  const memory = createMemory({ maxBytes: 1_000_000 });
  const used = [0, 1].map((key) => {
    partition(memory).set(NAMESPACE, keyOf(key), ENTRY);
    return memory.stats().bytes;
  });
  const [one = 0, two = 0] = used;
  return one + (entries - 1) * (two - one);
}

/** One tenant in a memory for this number of entries. */
export function inMemory(entries: number): Ask {
  const partition = createMemory({ maxBytes: bytesFor(entries) }).tenant("acme");
  return (key) => {
    const text = keyOf(key);
    if (partition.get(NAMESPACE, text) !== undefined) return true;
    partition.set(NAMESPACE, text, ENTRY);
    return false;
  };
}

/** Least recently used, as most caches implement it with a Map. */
export function plainLru(entries: number): Ask {
  const used = new Set<number>();
  return (key) => {
    const had = used.delete(key);
    used.add(key);
    if (used.size > entries) {
      for (const oldest of used) {
        used.delete(oldest);
        break;
      }
    }
    return had;
  };
}
