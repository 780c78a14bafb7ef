import type { Clock } from "@scale/core";
import type { HistoryLimits, Position } from "../store.js";

interface KeptEvent {
  readonly position: Position;
  readonly body: string;
}

interface KeptTopic {
  events: KeptEvent[];
  /** Position of the event before the first one that is kept. */
  previous: Position;
  expiresAt: number;
}

/** The events of one tenant by topic, within the bounds of the history. */
export interface MemoryTopics {
  /**
   * @param floor newest position that an expired event of the topic can have
   * @returns the position of the topic's event before this one
   */
  append(
    topic: string,
    event: KeptEvent,
    bounds: { readonly floor: Position; readonly history: HistoryLimits },
  ): Position;
  /**
   * Returns the events after a position; `undefined` when some of them are gone.
   * @param floor as in `append`
   */
  readAfter(topic: string, after: Position, floor: Position): readonly KeptEvent[] | undefined;
  /** Position of the newest event, 0 without one. */
  tail(topic: string): Position;
}

/** Appends between two looks for expired topics. */
const SWEEP_EVERY = 1000;

export function createMemoryTopics(clock: Clock): MemoryTopics {
  const topics = new Map<string, KeptTopic>();
  let appends = 0;

  function find(topic: string): KeptTopic | undefined {
    const kept = topics.get(topic);
    if (kept === undefined || kept.expiresAt > clock.monotonic()) return kept;
    topics.delete(topic);
    return undefined;
  }

  function sweep(): void {
    for (const topic of topics.keys()) find(topic);
  }

  return {
    append(topic, event, { floor, history }) {
      if (++appends % SWEEP_EVERY === 0) sweep();
      const kept = find(topic) ?? { events: [], previous: floor, expiresAt: 0 };
      topics.set(topic, kept);
      const previous = kept.events.at(-1)?.position ?? kept.previous;
      kept.events.push(event);
      kept.expiresAt = clock.monotonic() + history.ttlMs;
      // In parts, because the copy of a long history for each event would cost more than the rest.
      if (kept.events.length >= history.events * 1.25 + 1) {
        const gone = kept.events.length - history.events;
        kept.previous = kept.events[gone - 1]?.position ?? kept.previous;
        kept.events = kept.events.slice(gone);
      }
      return previous;
    },
    readAfter(topic, after, floor) {
      const kept = find(topic);
      if ((kept?.previous ?? floor) > after) return undefined;
      if (kept === undefined) return [];
      return kept.events.slice(firstAfter(kept.events, after));
    },
    tail: (topic) => find(topic)?.events.at(-1)?.position ?? 0,
  };
}

/** Index of the first event after a position, by binary search. */
function firstAfter(events: readonly KeptEvent[], after: Position): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle]?.position ?? 0) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
