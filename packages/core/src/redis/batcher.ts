import { inRootContext } from "../root-context.js";

export interface BatcherOptions<T> {
  /**
   * Function that sends one batch. Must not throw. It runs in the async context of a single item, and outside of any tenant
   * for several.
   */
  readonly send: (batch: readonly T[]) => void;
  /** Maximum items of one batch: bounds how long one command blocks the server. */
  readonly maxItems: number;
  /** Characters that an item adds to the command or to its reply. Without this function only `maxItems` bounds a batch. */
  readonly charsOf?: (item: T) => number;
  /** Items from which a turn is sent as two batches: the server works on one while this process builds the other. */
  readonly minSplit?: number;
  /** Function that calls `flush` when no more items are expected: with `process.nextTick`, or `setImmediate` to wait for the sockets of this turn. */
  readonly schedule: (flush: (group: string) => void, group: string) => void;
}

export interface Batcher<T> {
  add(group: string, item: T): void;
  /** True while items of the group wait to be flushed. */
  isOpen(group: string): boolean;
}

const MAX_CHARS = 512 * 1024;

/** Batches the items that one turn of the event loop adds to a group, in batches of about equal size. */
export function createBatcher<T>(options: BatcherOptions<T>): Batcher<T> {
  const { send, schedule, charsOf } = options;
  const open = new Map<string, T[]>();

  function flush(group: string): void {
    const items = open.get(group) ?? [];
    open.delete(group);
    // A single item was added in the context that scheduled this flush.
    if (items.length === 1) send(items);
    else inRootContext(() => sendParts(items, partsOf(items, options)));
  }

  function sendParts(items: readonly T[], parts: number): void {
    if (parts === 1) return send(items);
    for (let i = 0; i < parts; i++) {
      sendBounded(items.slice(Math.round((i * items.length) / parts), Math.round(((i + 1) * items.length) / parts)));
    }
  }

  /** Batches of equal size may differ in length: long items can lie side by side. */
  function sendBounded(batch: readonly T[]): void {
    if (charsOf === undefined || batch.length === 1 || charsIn(batch, charsOf) <= MAX_CHARS) return send(batch);
    const half = batch.length >> 1;
    sendBounded(batch.slice(0, half));
    sendBounded(batch.slice(half));
  }

  return {
    add(group, item) {
      const batch = open.get(group);
      if (batch !== undefined) {
        batch.push(item);
        return;
      }
      open.set(group, [item]);
      schedule(flush, group);
    },
    isOpen: (group) => open.has(group),
  };
}

function partsOf<T>(items: readonly T[], { maxItems, charsOf, minSplit = Infinity }: BatcherOptions<T>): number {
  const chars = charsOf === undefined ? 0 : charsIn(items, charsOf);
  const least = items.length < minSplit ? 1 : 2;
  // Not more parts than items: an item above the bound is a batch of its own, and no batch is empty.
  return Math.min(items.length, Math.max(least, Math.ceil(items.length / maxItems), Math.ceil(chars / MAX_CHARS)));
}

const charsIn = <T>(items: readonly T[], charsOf: (item: T) => number): number =>
  items.reduce((sum, item) => sum + charsOf(item), 0);
