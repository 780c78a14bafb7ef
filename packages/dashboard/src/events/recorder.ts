import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Clock } from "@scale/core";
import type { FeedEvent } from "../types.js";
import type { Message } from "./message.js";
import { type Sentence, sentencesOf } from "./sentences.js";

const KEPT = 200;

/** Keeps the last decisions of the packages of this process as sentences. */
export interface EventRecorder {
  /** Subscribes to the channels. Packages build their messages from now on. */
  start(): void;
  stop(): void;
  /** Adds a sentence of the dashboard itself. */
  add(sentence: Sentence): void;
  /** The newest first; with a tenant, only those about it. */
  last(count: number, tenantId?: string): FeedEvent[];
}

export function createEventRecorder(clock: Clock): EventRecorder {
  const events: FeedEvent[] = [];
  const listeners = Object.entries(sentencesOf).map(([name, toSentence]) => {
    const listener = (message: unknown): void => {
      const sentence = toSentence(message as Message);
      if (sentence !== undefined) add(sentence);
    };
    return { name, listener };
  });
  let isOn = false;

  /** The same sentence in the same second is one event: a tenant may be denied a thousand times. */
  function add(sentence: Sentence): void {
    const atMs = clock.now();
    const second = Math.floor(atMs / 1000);
    const at = events.findLastIndex(
      (event) => event.text === sentence.text && Math.floor(event.atMs / 1000) === second,
    );
    const found = events[at];
    if (found !== undefined) {
      events[at] = { ...found, count: found.count + 1 };
      return;
    }
    events.push({ atMs, count: 1, ...sentence });
    if (events.length > KEPT) events.shift();
  }

  return {
    start() {
      if (isOn) return;
      isOn = true;
      for (const { name, listener } of listeners) subscribe(name, listener);
    },
    stop() {
      if (!isOn) return;
      isOn = false;
      for (const { name, listener } of listeners) unsubscribe(name, listener);
    },
    add,
    last: (count, tenantId) =>
      events
        .filter((event) => tenantId === undefined || event.tenantId === tenantId)
        .slice(-count)
        .toReversed(),
  };
}
