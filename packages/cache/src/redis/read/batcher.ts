import { createBatcher } from "@scale/core/redis";

/** Bounds how long one command holds the server. */
const MAX_ITEMS = 128;
/** From here on a turn's items go in two parts: the server works on one while this process builds the other. */
const MIN_SPLIT = 32;

interface TurnBatches<T> {
  /** Must not throw. */
  send(batch: readonly T[]): void;
  /** Characters that an item adds to the command or to its reply. */
  charsOf(item: T): number;
}

/** Batches the items of one turn of the event loop, per group. */
export function inTurnBatches<T>({ send, charsOf }: TurnBatches<T>): (group: string, item: T) => void {
  const { add } = createBatcher<T>({
    send,
    charsOf,
    maxItems: MAX_ITEMS,
    minSplit: MIN_SPLIT,
    // After every promise that is settled by now, because its continuation may add an item too. That costs no time.
    schedule: process.nextTick,
  });
  return add;
}
