import type { IoredisSubscriber, NodeRedisSubscriber, SubscriberLike } from "@scale/core/redis";

/** One interface for the subscriptions of both clients. */
export interface ChannelClient {
  /** Resolves when the server has confirmed every channel. A channel that is subscribed already is confirmed again. */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channel: string): void;
  /** Replaces the connection, where the client can: ioredis. node-redis has `pingInterval` for it. */
  reconnect(): void;
  /** Removes our listeners. The application closes the connection. */
  close(): void;
}

export interface ChannelListener {
  message(channel: string, payload: string): void;
  /** Messages may have been missed. */
  lost(): void;
}

/** Events after which messages may be missed: of both clients, and of the sharded subscribers of an ioredis Cluster. */
const LOSSES = ["close", "end", "reconnecting", "-subscriber", "+subscriber"];

/** An ioredis Cluster with `shardedSubscribers: true`. */
interface ShardedIoredis extends IoredisSubscriber {
  ssubscribe(...channels: string[]): Promise<unknown>;
  sunsubscribe(...channels: string[]): Promise<unknown>;
}

export function channelClient(subscriber: SubscriberLike, sharded: boolean, on: ChannelListener): ChannelClient {
  const lost = (): void => on.lost();
  for (const event of LOSSES) subscriber.on(event, lost);
  const client = clientOf(subscriber, sharded, on);
  return {
    ...client,
    reconnect() {
      if ("status" in subscriber && "disconnect" in subscriber && typeof subscriber.disconnect === "function")
        subscriber.disconnect(true);
    },
    close() {
      for (const event of LOSSES) subscriber.off(event, lost);
      client.close();
    },
  };
}

type Subscribes = Omit<ChannelClient, "reconnect">;

function clientOf(subscriber: SubscriberLike, sharded: boolean, on: ChannelListener): Subscribes {
  if (!("status" in subscriber)) return nodeRedisClient(subscriber, on);
  return sharded ? shardedClient(subscriber as ShardedIoredis, on) : ioredisClient(subscriber, on);
}

function ioredisClient(client: IoredisSubscriber, on: ChannelListener): Subscribes {
  const listener = messageListener(on);
  client.on("message", listener);
  return {
    subscribe: async (channels) => void (await client.subscribe(...channels)),
    // A client that is closed has no subscriptions.
    unsubscribe: (channel) => void client.unsubscribe(channel).catch(() => undefined),
    close: () => void client.off("message", listener),
  };
}

function shardedClient(client: ShardedIoredis, on: ChannelListener): Subscribes {
  const listener = messageListener(on);
  client.on("smessage", listener);
  return {
    // One by one: the channels of a command have to share a slot.
    subscribe: async (channels) => void (await Promise.all(channels.map((channel) => client.ssubscribe(channel)))),
    unsubscribe: (channel) => void client.sunsubscribe(channel).catch(() => undefined),
    close: () => void client.off("smessage", listener),
  };
}

const messageListener =
  (on: ChannelListener) =>
  (channel: unknown, payload: unknown): void =>
    on.message(String(channel), String(payload));

function nodeRedisClient(client: NodeRedisSubscriber, on: ChannelListener): Subscribes {
  const listener = (payload: string, channel: string): void => on.message(channel, payload);
  // Async, because node-redis throws at once when it is closed.
  const stop = async (channel: string): Promise<unknown> => client.unsubscribe([channel], listener);
  return {
    subscribe: async (channels) => void (await client.subscribe([...channels], listener)),
    unsubscribe: (channel) => void stop(channel).catch(() => undefined),
    close: () => undefined,
  };
}
