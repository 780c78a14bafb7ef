import {
  fillRefuse,
  invalidationQueue,
  loadFail,
  memoryDrop,
  staleServe,
  storeFail,
  type WarmReport,
} from "@scale/cache";
import type { Clock } from "@scale/core";
import type { CacheEvent, LiveData } from "./live-data.js";
import { type Counter, createCounter } from "./counters.js";

/** Counts the events of the cache and the values loaded by warming. */
export interface CacheEventCounts {
  recordWarming(report: Pick<WarmReport, "loaded">): void;
  read(): LiveData["cache"]["events"];
  /** Unsubscribes. */
  stop(): void;
}

/** In the order of the live page. */
const EVENTS: readonly CacheEvent[] = [
  ...(["warm", "stale-serve", "fill-refuse", "invalidation-queue"] as const),
  ...(["memory-drop", "store-fail", "load-fail"] as const),
];

export function countCacheEvents(clock: Clock): CacheEventCounts {
  const counters = new Map<CacheEvent, Counter>(EVENTS.map((event) => [event, createCounter(clock)]));
  const add = (event: CacheEvent, count = 1): void => counters.get(event)?.add(count);
  const subscriptions = [
    staleServe.subscribe(() => add("stale-serve")),
    fillRefuse.subscribe(() => add("fill-refuse")),
    invalidationQueue.subscribe(() => add("invalidation-queue")),
    // The first drop is the start of the process, when memory is empty.
    memoryDrop.subscribe(({ isFirst }) => add("memory-drop", isFirst ? 0 : 1)),
    storeFail.subscribe(() => add("store-fail")),
    loadFail.subscribe(() => add("load-fail")),
  ];
  return {
    recordWarming: ({ loaded }) => add("warm", loaded),
    read: () => [...counters].map(([event, counter]) => ({ event, count: counter.read() })),
    stop: () => subscriptions.forEach((end) => end()),
  };
}
