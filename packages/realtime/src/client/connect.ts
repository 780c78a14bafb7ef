import type { Hub } from "../hub.js";
import type { TopicData, TopicName } from "../topics/types.js";
import type { Principal } from "../types.js";
import type { EventSourceClass, MessageLike } from "./event-source.js";
import { type ConnectionState, keepOpen } from "./keep-open.js";

/** Data of the topics of a hub, by pattern: `connect<HubData<typeof hub>>(…)`. */
export type HubData<H> = H extends Hub<infer Data, infer _Principal extends Principal, infer _Tx> ? Data : never;

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
  on<Name extends TopicName<keyof Data & string>>(
    topic: Name,
    listener: (data: TopicData<Data, Name>) => void,
  ): () => void;
  readonly state: ConnectionState;
  close(): void;
}

/**
 * Receives topics, and goes on after every end of the connection: with the missed events, or with `onReset`. Unlike a bare
 * `EventSource` it also goes on after an error response, and after a connection that died without an end.
 */
export function connect<Data extends object>(options: ConnectOptions<Data>): EventStream<Data> {
  const { url, topics, onReset, onState } = options;
  const listeners = new Map<string, Set<(data: never) => void>>();
  let state: ConnectionState = "connecting";
  let lastEventId = "";

  function deliver({ data: text }: MessageLike): void {
    const { topic, data } = JSON.parse(String(text)) as { topic: string; data: never };
    for (const listener of listeners.get(topic) ?? []) listener(data);
  }

  const source = keepOpen({
    ...options,
    urlOf: () => urlOf(url, topics, lastEventId),
    onState(next) {
      if (state === next) return;
      state = next;
      onState?.(next);
    },
    onMessage(type, message) {
      if (message.lastEventId) lastEventId = message.lastEventId;
      if (type === "message") deliver(message);
      else if (type === "reset" || type === "dropped") onReset();
    },
  });
  return {
    on(topic, listener) {
      const added = listeners.get(topic) ?? new Set();
      listeners.set(topic, added.add(listener));
      return () => void added.delete(listener);
    },
    get state() {
      return state;
    },
    close: () => source.close(),
  };
}

/** The topics, and the position for a source that cannot send a header with its first request. */
function urlOf(url: string, topics: readonly string[], lastEventId: string): string {
  const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`);
  if (lastEventId !== "") query.push(`lastEventId=${encodeURIComponent(lastEventId)}`);
  return `${url}${url.includes("?") ? "&" : "?"}${query.join("&")}`;
}
