/** A message of an event source. */
export interface MessageLike {
  readonly data?: unknown;
  readonly lastEventId?: string;
}

/** The part of the browser's `EventSource` that the client calls. The npm package `eventsource` satisfies it in Node. */
export interface EventSourceLike {
  /** 2 when the source has given up. */
  readonly readyState: number;
  addEventListener(type: string, listener: (message: MessageLike) => void): void;
  close(): void;
}

export type EventSourceClass = new (url: string, options?: { readonly withCredentials?: boolean }) => EventSourceLike;

/** The class of the browser. */
export function defaultEventSource(): EventSourceClass {
  const { EventSource } = globalThis as { readonly EventSource?: EventSourceClass };
  if (EventSource === undefined)
    throw new TypeError("connect: expected a global EventSource, got none; pass eventSource");
  return EventSource;
}
