type Listener = (...values: unknown[]) => void;

/** The part of an ioredis client that a subscription uses. */
export interface IoredisSubscriber {
  readonly status: string;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  on(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
}

/** The part of a node-redis client that a subscription uses. */
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
  /** Subscribes. Rejects without a connection, and may then be called again. */
  start(): Promise<unknown>;
  end(): void;
}

/** Events of both clients after which published messages may have been missed. */
const DISCONNECTS = ["close", "end", "reconnecting"];

/** Subscribes with either client. `lost` is called at every end of the connection: messages published meanwhile are lost. */
export function subscription(
  client: SubscriberLike,
  channels: readonly string[],
  on: { message(channel: string, payload: string): void; lost(): void },
): Subscription {
  const lost = (): void => on.lost();
  for (const event of DISCONNECTS) client.on(event, lost);
  const { start, stop } =
    "status" in client
      ? ioredisChannels(client, channels, on.message)
      : nodeRedisChannels(client, channels, on.message);
  return {
    start,
    end() {
      for (const event of DISCONNECTS) client.off(event, lost);
      // A client that is already closed cannot unsubscribe, and needs not.
      stop().catch(() => undefined);
    },
  };
}

type OnMessage = (channel: string, payload: string) => void;

interface Channels {
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
}

function ioredisChannels(client: IoredisSubscriber, channels: readonly string[], message: OnMessage): Channels {
  // The client may have other subscriptions, whose messages come as the same event.
  const listener: Listener = (channel, payload) => {
    if (typeof channel === "string" && channels.includes(channel)) message(channel, String(payload));
  };
  client.on("message", listener);
  return {
    start: () => client.subscribe(...channels),
    async stop() {
      client.off("message", listener);
      await client.unsubscribe(...channels);
    },
  };
}

function nodeRedisChannels(client: NodeRedisSubscriber, channels: readonly string[], message: OnMessage): Channels {
  const listener = (payload: string, channel: string): void => message(channel, payload);
  return {
    start: () => client.subscribe([...channels], listener),
    stop: async () => client.unsubscribe([...channels], listener),
  };
}
