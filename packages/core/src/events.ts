import { channel } from "node:diagnostics_channel";

/** A named stream of messages on `node:diagnostics_channel`; metrics, logs and tracing subscribe by the name. */
export interface EventChannel<T> {
  /** `scale:<package>:<noun>-<verb>` */
  readonly name: string;
  /** Publishes the result of `build`. Without a subscriber `build` is not called. */
  publish(build: () => T): void;
  /** @returns a function that ends the subscription */
  subscribe(listener: (message: T) => void): () => void;
}

/** Declares an event. The same name is the same channel, in every installed copy of the library. */
export function defineEvent<T>(name: `scale:${string}:${string}-${string}`): EventChannel<T> {
  const target = channel(name);
  return {
    name,
    publish(build) {
      if (target.hasSubscribers) target.publish(build());
    },
    subscribe(listener) {
      const onMessage = (message: unknown): void => listener(message as T);
      target.subscribe(onMessage);
      return () => {
        target.unsubscribe(onMessage);
      };
    },
  };
}
