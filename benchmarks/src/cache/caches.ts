import { createMemory, type Entry, type Memory } from "@scale/cache/scenarios";

/** Answers whether it had the key, and has it now. */
export type Ask = (key: number) => boolean;

export const NAMESPACE = "invoice";

/** An entry that never expires and takes as much as any other. */
export const ENTRY: Entry = { value: 1, bytes: 64, freshUntil: Infinity, usableUntil: Infinity, meta: undefined };

/** Keys of one length: all entries take the same. */
export const keyOf = (key: number): string => String(10_000_000 + key);

/** How large a memory must be to hold so many entries of `ENTRY`, all of one tenant. */
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

/** One tenant in a memory for so many entries. */
export function inMemory(entries: number): Ask {
  const partition = createMemory({ maxBytes: bytesFor(entries) }).tenant("acme");
  return (key) => {
    const text = keyOf(key);
    if (partition.get(NAMESPACE, text) !== undefined) return true;
    partition.set(NAMESPACE, text, ENTRY);
    return false;
  };
}

/** What a Map that forgets the longest unused makes: the policy of most caches. */
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
