import { type Batcher, type BatcherOptions, createBatcher } from "@scale/core/redis";

/** Bounds how long one command occupies the server. */
const MAX_ITEMS = 128;
/** From this size on, the items of a turn are sent in two parts: the server works on one while this process builds the other. */
const MIN_SPLIT = 32;

/** Batches the items of one turn of the event loop, per group. */
export function createTurnBatcher<T>(options: Pick<BatcherOptions<T>, "send" | "charsOf">): Batcher<T> {
  return createBatcher<T>({
    ...options,
    maxItems: MAX_ITEMS,
    minSplit: MIN_SPLIT,
    // Runs after the continuations of all settled promises, because they may add items too. Waiting for them is free.
    schedule: process.nextTick,
  });
}
