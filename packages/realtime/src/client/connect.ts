import type { Hub } from "../hub.js";
import type { TopicData, TopicName } from "../topics/types.js";
import type { Principal } from "../types.js";
import { defaultEventSource, type EventSourceClass, type EventSourceLike, type MessageLike } from "./event-source.js";

/** Data of the topics of a hub, by pattern: `connect<HubData<typeof hub>>(…)`. */
export type HubData<H> = H extends Hub<infer Data, infer _Principal extends Principal, infer _Tx> ? Data : never;

/** `waiting`: the connection has ended, and the next attempt comes after a pause. */
export type ConnectionState = "connecting" | "open" | "waiting" | "closed";

export interface ConnectOptions<Data> {
  /** URL of the route, absolute or relative to the page. */
  readonly url: string;
  readonly topics: readonly TopicName<keyof Data & string>[];
  /**
   * Called when events may be missing: fetch the state of the page again. Events after it are complete. It is called once for
   * each gap.
   */
  readonly onReset: () => void;
  readonly onState?: (state: ConnectionState) => void;
  /**
   * Whether cookies are sent to another origin.
   * @default false
   */
  readonly withCredentials?: boolean;
  /**
   * Milliseconds without any event or heartbeat after which the connection is taken for dead. More than two heartbeats.
   * @default 45_000
   */
  readonly staleMs?: number;
  /** @default the `EventSource` of the browser */
  readonly eventSource?: EventSourceClass;
}

export interface EventStream<Data> {
  /**
   * Calls `listener` for each event of a topic.
   * @returns a function that ends it
   */
  on<Name extends TopicName<keyof Data & string>>(topic: Name, listener: (data: TopicData<Data, Name>) => void): () => void;
  readonly state: ConnectionState;
  close(): void;
}

const CLOSED = 2;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;

/**
 * Receives topics, and goes on after every end of the connection: with the missed events, or with `onReset`. Unlike a bare
 * `EventSource` it also goes on after an error response, and after a connection that died without an end.
 */
export function connect<Data extends object>(options: ConnectOptions<Data>): EventStream<Data> {
  const { url, topics, onReset, onState, withCredentials = false, staleMs = 45_000 } = options;
  const EventSource = options.eventSource ?? defaultEventSource();
  const listeners = new Map<string, Set<(data: never) => void>>();
  let source: EventSourceLike | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let state: ConnectionState = "connecting";
  let lastEventId = "";
  let pauseMs = FIRST_PAUSE_MS;
  let hasHeard = false;

  function enter(next: ConnectionState): void {
    if (state === next || state === "closed") return;
    state = next;
    onState?.(next);
  }

  function open(): void {
    enter("connecting");
    const opened = new EventSource(urlOf(url, topics, lastEventId), { withCredentials });
    source = opened;
    hasHeard = false;
    const hear = (type: string, act?: (message: MessageLike) => void): void =>
      opened.addEventListener(type, (message) => {
        // A source that was closed may still deliver what it had read.
        if (source !== opened) return;
        hasHeard = true;
        if (message.lastEventId) lastEventId = message.lastEventId;
        act?.(message);
      });
    hear("message", deliver);
    hear("heartbeat");
    hear("reset", () => onReset());
    hear("ready", () => {
      pauseMs = FIRST_PAUSE_MS;
      enter("open");
    });
    opened.addEventListener("error", () => {
      if (source !== opened) return;
      // An open source connects again by itself.
      if (opened.readyState === CLOSED) openLater();
      else enter("connecting");
    });
    watch();
  }

  function openLater(): void {
    source?.close();
    source = undefined;
    clearTimeout(timer);
    enter("waiting");
    // Half to all of the pause, so that the clients of a server that comes back do not come all at once.
    timer = setTimeout(open, pauseMs * (0.5 + Math.random() / 2));
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
  }

  function watch(): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!hasHeard) return openLater();
      hasHeard = false;
      watch();
    }, staleMs);
  }

  function deliver({ data: text }: MessageLike): void {
    const { topic, data } = JSON.parse(String(text)) as { topic: string; data: never };
    for (const listener of listeners.get(topic) ?? []) listener(data);
  }

  open();
  return {
    on(topic, listener) {
      const added = listeners.get(topic) ?? new Set();
      listeners.set(topic, added.add(listener));
      return () => void added.delete(listener);
    },
    get state() {
      return state;
    },
    close() {
      clearTimeout(timer);
      source?.close();
      source = undefined;
      enter("closed");
    },
  };
}

/** The topics, and the position for a source that cannot send a header with its first request. */
function urlOf(url: string, topics: readonly string[], lastEventId: string): string {
  const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`);
  if (lastEventId !== "") query.push(`lastEventId=${encodeURIComponent(lastEventId)}`);
  return `${url}${url.includes("?") ? "&" : "?"}${query.join("&")}`;
}
