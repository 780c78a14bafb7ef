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

/**
 * Subscribes with either client. `lost` is called at every end of the connection: messages published meanwhile are lost.
 * Several subscriptions of one client may name the same channel: the client leaves it when the last of them ends.
 */
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

/** Number of subscriptions for each channel of an ioredis client, whose `unsubscribe` would end those of others too. */
const held = new WeakMap<IoredisSubscriber, Map<string, number>>();

/** Counts a subscription of the client. @returns a function that ends it, and returns the channels that no other one needs */
function hold(client: IoredisSubscriber, channels: readonly string[]): () => string[] {
  const counts = held.get(client) ?? new Map<string, number>();
  held.set(client, counts);
  for (const channel of channels) counts.set(channel, (counts.get(channel) ?? 0) + 1);
  let isHeld = true;
  return () => {
    if (!isHeld) return [];
    isHeld = false;
    return channels.filter((channel) => {
      const left = (counts.get(channel) ?? 1) - 1;
      counts.set(channel, left);
      return left === 0;
    });
  };
}

function ioredisChannels(
  client: IoredisSubscriber,
  channels: readonly string[],
  on: { message(channel: string, payload: string): void },
): Subscription {
  const release = hold(client, channels);
  // The client may have other subscriptions, whose messages come as the same event.
  const listener = (channel: unknown, payload: unknown): void => {
    if (typeof channel === "string" && channels.includes(channel)) on.message(channel, String(payload));
  };
  client.on("message", listener);
  return {
    start: () => client.subscribe(...channels),
    end() {
      client.off("message", listener);
      const unused = release();
      // Without an argument it would leave every channel. A client that is already closed cannot unsubscribe, and needs not.
      if (unused.length > 0) client.unsubscribe(...unused).catch(() => undefined);
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
