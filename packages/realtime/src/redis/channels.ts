import { isScaleError, systemClock } from "@scale/core";
import { inRootContext, withDeadline } from "@scale/core/kit";
import { createBatcher, type SubscriberLike } from "@scale/core/redis";
import { type ChannelClient, channelClient } from "./channel-client.js";

/** The channels of one subscriber connection. They come and go, and are restored after the connection was lost. */
export interface Channels {
  /** Resolves when messages of the channel arrive. Rejects with TimeoutError, or the error of the client. */
  add(channel: string): Promise<void>;
  remove(channel: string): void;
  close(): void;
}

export interface ChannelsOptions {
  readonly subscriber: SubscriberLike;
  /** Sharded channels of a cluster. */
  readonly sharded: boolean;
  readonly timeoutMs: number;
  readonly onMessage: (channel: string, payload: string) => void;
  /** Called when messages may be missing from now on. */
  readonly onLost: () => void;
  /** Called when the messages of all channels arrive again. */
  readonly onRestored: () => void;
  readonly onFail: (error: unknown) => void;
}

/** Channels of one command. */
const MAX_CHANNELS = 500;
const RETRY_MS = 250;
/** Deadlines without any sign of life, after which the connection is taken for dead. */
const MAX_SILENT_DEADLINES = 10;

interface Addition {
  readonly channel: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createChannels(options: ChannelsOptions): Channels {
  const { subscriber, sharded, timeoutMs, onMessage, onLost, onRestored, onFail } = options;
  const channels = new Set<string>();
  let restoration: Restoration = { isOver: true, isDone: true };
  let isClosed = false;
  const silence = createSilence(MAX_SILENT_DEADLINES * timeoutMs);

  const client: ChannelClient = channelClient(subscriber, sharded, {
    message(channel, payload) {
      silence.end();
      if (channels.has(channel)) onMessage(channel, payload);
    },
    lost() {
      if (isClosed) return;
      if (restoration.isDone) onLost();
      // The restoration that is running may have subscribed on the connection that was lost now.
      restoration.isOver = true;
      const next: Restoration = { isOver: false, isDone: false };
      restoration = next;
      inRootContext(() => void restore(next, { client, channels, onRestored, onFail }));
    },
  });

  const additions = createBatcher<Addition>({
    send: (batch) => void addBatch(client, channels, batch),
    maxItems: MAX_CHANNELS,
    schedule: (flush, group) => process.nextTick(flush, group),
  });

  return {
    async add(channel) {
      channels.add(channel);
      const added = new Promise<void>((resolve, reject) => additions.add("", { channel, resolve, reject }));
      try {
        await withDeadline(added, timeoutMs, "the subscription of a Redis channel");
        silence.end();
      } catch (error) {
        // A connection that a firewall dropped never closes, and confirms no channel any more.
        if (isScaleError(error, "SCALE_TIMEOUT") && silence.isTooLong()) client.reconnect();
        throw error;
      }
    },
    remove(channel) {
      if (channels.delete(channel)) client.unsubscribe(channel);
    },
    close() {
      isClosed = true;
      restoration.isOver = true;
      for (const channel of channels) client.unsubscribe(channel);
      channels.clear();
      client.close();
    },
  };
}

/** The time since the first call without an answer. */
interface Silence {
  /** Called for a call without an answer. True once in `maxMs`. */
  isTooLong(): boolean;
  /** Called for every sign of life. */
  end(): void;
}

function createSilence(maxMs: number): Silence {
  let since: number | undefined;
  return {
    isTooLong() {
      since ??= systemClock.monotonic();
      if (systemClock.monotonic() - since < maxMs) return false;
      since = undefined;
      return true;
    },
    end() {
      since = undefined;
    },
  };
}

/** The work that follows the loss of the connection. */
interface Restoration {
  isOver: boolean;
  isDone: boolean;
}

interface RestorationTools extends Pick<ChannelsOptions, "onRestored" | "onFail"> {
  readonly client: ChannelClient;
  readonly channels: ReadonlySet<string>;
}

/** Subscribes all channels until the server has confirmed them, or the connection is lost again. */
async function restore(
  restoration: Restoration,
  { client, channels, onRestored, onFail }: RestorationTools,
): Promise<void> {
  while (!restoration.isOver) {
    try {
      const all = [...channels];
      for (let i = 0; i < all.length; i += MAX_CHANNELS) await client.subscribe(all.slice(i, i + MAX_CHANNELS));
      if (restoration.isOver) return;
      restoration.isOver = true;
      restoration.isDone = true;
      onRestored();
    } catch (error) {
      onFail(error);
      await pause(RETRY_MS);
    }
  }
}

async function addBatch(
  client: ChannelClient,
  channels: ReadonlySet<string>,
  batch: readonly Addition[],
): Promise<void> {
  try {
    await client.subscribe(batch.map(({ channel }) => channel));
    for (const { resolve } of batch) resolve();
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
  // Channels that were removed meanwhile, after a deadline for example.
  for (const { channel } of batch) if (!channels.has(channel)) client.unsubscribe(channel);
}

/** Does not keep the process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
