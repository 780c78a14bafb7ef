import { defaultEventSource, type EventSourceClass, type EventSourceLike, type MessageLike } from "./event-source.js";

/** `waiting`: the connection has ended, and the next attempt comes after a pause. */
export type ConnectionState = "connecting" | "open" | "waiting" | "closed";

export interface KeepOpenOptions {
  /** Called for each new source. */
  readonly urlOf: () => string;
  readonly onState: (state: ConnectionState) => void;
  readonly onMessage: (type: string, message: MessageLike) => void;
  readonly withCredentials?: boolean;
  readonly staleMs?: number;
  readonly eventSource?: EventSourceClass;
}

const CLOSED = 2;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 30_000;
const TYPES = ["message", "reset", "dropped", "ready", "heartbeat"];

/** Keeps one event source open: replaces one that has given up or died, after a pause that grows. */
export function keepOpen(options: KeepOpenOptions): { close(): void } {
  const { urlOf, onState, onMessage, withCredentials = false, staleMs = 45_000 } = options;
  const EventSource = options.eventSource ?? defaultEventSource();
  let source: EventSourceLike | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let hasHeard = false;

  function open(): void {
    onState("connecting");
    const opened = new EventSource(urlOf(), { withCredentials });
    source = opened;
    // A source that was closed may still deliver what it had read.
    for (const type of TYPES) opened.addEventListener(type, (message) => source === opened && hear(type, message));
    opened.addEventListener("error", () => {
      if (source !== opened) return;
      // An open source connects again by itself.
      if (opened.readyState === CLOSED) openLater();
      else onState("connecting");
    });
    watch();
  }

  function hear(type: string, message: MessageLike): void {
    hasHeard = true;
    onMessage(type, message);
    if (type !== "ready") return;
    pauseMs = FIRST_PAUSE_MS;
    onState("open");
  }

  function openLater(): void {
    stop();
    onState("waiting");
    // Half to all of the pause, so that the clients of a server that comes back do not come all at once.
    timer = setTimeout(open, pauseMs * (0.5 + Math.random() / 2));
    pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
  }

  function watch(): void {
    hasHeard = false;
    clearTimeout(timer);
    timer = setTimeout(() => (hasHeard ? watch() : openLater()), staleMs);
  }

  function stop(): void {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  }

  open();
  return {
    close() {
      stop();
      onState("closed");
    },
  };
}
