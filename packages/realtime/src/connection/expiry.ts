/** Items by the second in which they are due. */
export interface Expiry<T> {
  /** @param atMs wall time in milliseconds since the epoch */
  add(item: T, atMs: number): void;
  remove(item: T, atMs: number): void;
  /** Takes out the items that are due. */
  take(nowMs: number): readonly T[];
}

export function createExpiry<T>(): Expiry<T> {
  const seconds = new Map<number, Set<T>>();
  const secondOf = (ms: number): number => Math.ceil(ms / 1000);
  return {
    add(item, atMs) {
      const items = seconds.get(secondOf(atMs)) ?? new Set<T>();
      seconds.set(secondOf(atMs), items.add(item));
    },
    remove(item, atMs) {
      const items = seconds.get(secondOf(atMs));
      items?.delete(item);
      if (items?.size === 0) seconds.delete(secondOf(atMs));
    },
    take(nowMs) {
      const due: T[] = [];
      for (const [second, items] of seconds) {
        if (second * 1000 > nowMs) continue;
        due.push(...items);
        seconds.delete(second);
      }
      return due;
    },
  };
}
