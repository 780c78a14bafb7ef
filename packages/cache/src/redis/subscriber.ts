type Listener = (...values: string[]) => void;

/** What we use of an ioredis client that subscribes. */
export interface IoredisSubscriber {
  readonly status: string;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** What we use of a node-redis client that subscribes. */
export interface NodeRedisSubscriber {
  readonly isOpen: boolean;
  subscribe(channels: string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  unsubscribe(channels: string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

export type SubscriberLike = IoredisSubscriber | NodeRedisSubscriber;

export function isSubscriberLike(value: unknown): value is SubscriberLike {
  if (typeof value !== "object" || value === null || !("subscribe" in value) || !("on" in value)) return false;
  return typeof value.subscribe === "function" && ("status" in value || "isOpen" in value);
}

export interface Subscription {
  /** Rejects without a connection; may be tried again. */
  start(): Promise<unknown>;
  end(): void;
}

/** Both kinds, and also: told of every end of the connection, because what is published meanwhile is lost. */
export function subscription(
  client: SubscriberLike,
  channels: readonly string[],
  on: { message(channel: string, text: string): void; lost(): void },
): Subscription {
  const lost = (): void => on.lost();
  const events = ["close", "end", "reconnecting"];
  for (const event of events) client.on(event, lost);
  const forget = (): void => {
    for (const event of events) client.off(event, lost);
  };
  // What happens to the subscription of a client that has gone is of no interest.
  const ignore = (): void => undefined;
  if ("status" in client) {
    const listener: Listener = (channel = "", text = ""): void => {
      if (channels.includes(channel)) on.message(channel, text);
    };
    client.on("message", listener);
    return {
      start: () => client.subscribe(...channels),
      end() {
        forget();
        client.off("message", listener);
        client.unsubscribe(...channels).catch(ignore);
      },
    };
  }
  const listener = (text: string, channel: string): void => on.message(channel, text);
  return {
    start: () => client.subscribe([...channels], listener),
    end() {
      forget();
      client.unsubscribe([...channels], listener).catch(ignore);
    },
  };
}
