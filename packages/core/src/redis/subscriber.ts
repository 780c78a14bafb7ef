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
  const { start, end } =
    "status" in client ? ioredisChannels(client, channels, on) : nodeRedisChannels(client, channels, on);
  return {
    start,
    end() {
      for (const event of DISCONNECTS) client.off(event, lost);
      end();
    },
  };
}

function ioredisChannels(
  client: IoredisSubscriber,
  channels: readonly string[],
  on: { message(channel: string, payload: string): void },
): Subscription {
  // The client may have other subscriptions, whose messages come as the same event.
  const listener = (channel: unknown, payload: unknown): void => {
    if (typeof channel === "string" && channels.includes(channel)) on.message(channel, String(payload));
  };
  client.on("message", listener);
  return {
    start: () => client.subscribe(...channels),
    end() {
      client.off("message", listener);
      // A client that is already closed cannot unsubscribe, and needs not.
      client.unsubscribe(...channels).catch(() => undefined);
    },
  };
}

function nodeRedisChannels(
  client: NodeRedisSubscriber,
  channels: readonly string[],
  on: { message(channel: string, payload: string): void },
): Subscription {
  const listener = (payload: string, channel: string): void => on.message(channel, payload);
  // Async, because node-redis throws at once when it is closed.
  const stop = async (): Promise<unknown> => client.unsubscribe([...channels], listener);
  return {
    start: () => client.subscribe([...channels], listener),
    end: () => void stop().catch(() => undefined),
  };
}
