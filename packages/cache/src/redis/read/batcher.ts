/** Bounds how long one command holds the server. */
const MAX_BATCH = 128;
const MAX_BATCH_CHARS = 512 * 1024;
/** From here on what one turn asks goes in two parts: the server works on one while this process makes the other. */
const MIN_SPLIT = 32;

interface TurnBatches<T> {
  /** Must not throw. */
  send(batch: readonly T[]): void;
  /** Characters that an item adds to the command or to its answer. */
  charsOf(item: T): number;
}

/** Collects what one turn of the event loop asks for, and hands it on together, by group, in parts of about equal size. */
export function turnBatches<T>({ send, charsOf }: TurnBatches<T>): (group: string, item: T) => void {
  const open = new Map<string, T[]>();

  function flush(group: string): void {
    const all = open.get(group) ?? [];
    open.delete(group);
    const chars = all.reduce((sum, item) => sum + charsOf(item), 0);
    const least = all.length < MIN_SPLIT ? 1 : 2;
    const parts = Math.max(least, Math.ceil(all.length / MAX_BATCH), Math.ceil(chars / MAX_BATCH_CHARS));
    if (parts === 1) return send(all);
    const size = Math.ceil(all.length / parts);
    for (let at = 0; at < all.length; at += size) send(all.slice(at, at + size));
  }

  return (group, item) => {
    const batch = open.get(group);
    if (batch !== undefined) {
      batch.push(item);
      return;
    }
    // After all promises that are settled by now: whoever waits for them may ask too. That takes no time.
    open.set(group, [item]);
    process.nextTick(flush, group);
  };
}
