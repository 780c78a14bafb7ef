import { afterEach } from "vitest";
import type { HistoryLimits, HubStore, OpenStore, StoredEvent } from "../store.js";

export interface TestProcess extends OpenStore {
  /** Events that the listener got. */
  readonly heard: StoredEvent[];
}

/** Opens stores that are closed when the test ends. */
export function createOpener(): (store: HubStore, history?: Partial<HistoryLimits>) => TestProcess {
  const opened: OpenStore[] = [];
  afterEach(() => {
    for (const store of opened.splice(0)) store.close();
  });
  return (store, history) => {
    const heard: StoredEvent[] = [];
    const listener = { onEvent: (event: StoredEvent) => void heard.push(event), onLost() {}, onRestored() {} };
    const open = store.open({ history: { events: 1000, ttlMs: 600_000, ...history }, listener });
    opened.push(open);
    return { ...open, heard };
  };
}

/** Ids that neither collide nor escape: every string is a valid tenant and topic. */
export const NASTY_IDS: readonly string[] = [
  "a",
  "a:b",
  "{a}",
  "}{",
  "a b",
  "a\r\nb\0",
  "__proto__",
  "\u00e9\u{1f680}",
  "%41",
  "\ud800",
  "x".repeat(500),
];
