/** The part of an ioredis client that a subscription uses. */
export interface IoredisSubscriber {
  readonly status: string;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  off(event: string, listener: (...values: unknown[]) => void): unknown;
}

/** The part of a node-redis client that a subscription uses. */
export interface NodeRedisSubscriber {
  readonly isOpen: boolean;
  subscribe(channels: string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  unsubscribe(channels: string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  on(event: string, listener: (...values: unknown[]) => void): unknown;
  off(event: string, listener: (...values: unknown[]) => void): unknown;
}

export type SubscriberLike = IoredisSubscriber | NodeRedisSubscriber;

export function isSubscriberLike(value: unknown): value is SubscriberLike {
  if (typeof value !== "object" || value === null || !("subscribe" in value) || !("on" in value)) return false;
  return typeof value.subscribe === "function" && ("status" in value || "isOpen" in value);
}

/**
 * Calls `changed` for each message of a channel, and after each new subscription, since messages before it are lost.
 * Subscribes again whenever the client is ready.
 * @returns a function that ends it
 */
export function watchChannel(
  client: SubscriberLike,
  channel: string,
  on: { changed(): void; failed(error: unknown): void },
): () => void {
  const { start, end } =
    "status" in client ? ioredisChannel(client, channel, on) : nodeRedisChannel(client, channel, on);
  let isEnded = false;
  // Async, because a client may throw where it should reject.
  const subscribe = async (): Promise<void> => {
    try {
      await start();
      if (isEnded) await end();
      else on.changed();
    } catch (error) {
      if (!isEnded) on.failed(error);
    }
  };
  // A client that subscribes by itself again does it once more here, which changes nothing on the server.
  const onReady = (): void => void subscribe();
  client.on("ready", onReady);
  // A client that is connecting may refuse commands, and reports when it is ready.
  if (!isConnecting(client)) void subscribe();
  return () => {
    isEnded = true;
    client.off("ready", onReady);
    // A client that is already closed cannot unsubscribe, and needs not.
    void end().catch(() => undefined);
  };
}

const isConnecting = (client: SubscriberLike): boolean =>
  "status" in client && ["connecting", "connect", "reconnecting"].includes(client.status);

interface Channel {
  start(): Promise<unknown>;
  end(): Promise<unknown>;
}

function ioredisChannel(client: IoredisSubscriber, channel: string, on: { changed(): void }): Channel {
  // The client may have other subscriptions, whose messages come as the same event.
  const listener = (from: unknown): void => {
    if (from === channel) on.changed();
  };
  client.on("message", listener);
  return {
    start: () => client.subscribe(channel),
    async end() {
      client.off("message", listener);
      await client.unsubscribe(channel);
    },
  };
}

function nodeRedisChannel(client: NodeRedisSubscriber, channel: string, on: { changed(): void }): Channel {
  const listener = (): void => on.changed();
  return {
    start: () => client.subscribe([channel], listener),
    end: async () => client.unsubscribe([channel], listener),
  };
}
