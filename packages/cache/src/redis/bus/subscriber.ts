type Listener = (...values: unknown[]) => void;

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

/** What comes on a channel: a text, or from Redis itself the keys that changed, `null` for all. */
export type Payload = string | readonly string[] | null;

export interface Subscription {
  /** Rejects without a connection; may be tried again. */
  start(): Promise<unknown>;
  /** Ends the messages until the next start. */
  pause(): Promise<unknown>;
  end(): void;
}

/** Both kinds, and also: told of every end of the connection, because what is published meanwhile is lost. */
export function subscription(
  client: SubscriberLike,
  channels: readonly string[],
  on: { message(channel: string, payload: Payload): void; lost(): void },
): Subscription {
  const lost = (): void => on.lost();
  const events = ["close", "end", "reconnecting"];
  for (const event of events) client.on(event, lost);
  const { start, pause, forget } =
    "status" in client
      ? ioredisChannels(client, channels, on.message)
      : nodeRedisChannels(client, channels, on.message);
  return {
    start,
    pause,
    end() {
      for (const event of events) client.off(event, lost);
      forget();
      // What happens to the subscription of a client that has gone is of no interest.
      pause().catch(() => undefined);
    },
  };
}

type OnMessage = (channel: string, payload: Payload) => void;

interface Channels extends Omit<Subscription, "end"> {
  forget(): void;
}

function ioredisChannels(client: IoredisSubscriber, channels: readonly string[], message: OnMessage): Channels {
  // Not the event with texts: there a list of keys is one text, with commas that keys may have too.
  const listener: Listener = (name, payload): void => {
    const channel = String(name);
    if (channels.includes(channel)) message(channel, payloadOf(payload));
  };
  client.on("messageBuffer", listener);
  return {
    start: () => client.subscribe(...channels),
    pause: () => client.unsubscribe(...channels),
    forget: () => client.off("messageBuffer", listener),
  };
}

function nodeRedisChannels(client: NodeRedisSubscriber, channels: readonly string[], message: OnMessage): Channels {
  // Typed as a text, and a list of them when Redis itself is the sender.
  const listener = (payload: unknown, channel: string): void => message(channel, payloadOf(payload));
  return {
    start: () => client.subscribe([...channels], listener),
    pause: async () => client.unsubscribe([...channels], listener),
    forget: () => undefined,
  };
}

function payloadOf(payload: unknown): Payload {
  if (Array.isArray(payload)) return payload.map(textOf);
  return payload === null || payload === undefined ? null : textOf(payload);
}

const textOf = (value: unknown): string =>
  Buffer.isBuffer(value) ? value.toString() : typeof value === "string" ? value : "";
