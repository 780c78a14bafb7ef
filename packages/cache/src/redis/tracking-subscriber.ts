import { ConfigError } from "@scale/core";
import { type Payload, type SubscriberLike, subscription } from "./bus/subscriber.js";

/** A subscriber that Redis tells what changes. */
export interface Tracker {
  /**
   * Two that listen would take it from each other.
   * @throws {ConfigError} when it is taken
   * @returns a function that gives it back
   */
  take(): () => void;
  open(
    channels: readonly string[],
    space: string,
    on: { message(channel: string, payload: Payload): void; lost(): void },
  ): Line;
}

export interface Line {
  /** Rejects without a connection, and when Redis refuses; may be tried again. */
  start(): Promise<void>;
  end(): void;
}

type Command = (...words: string[]) => Promise<unknown>;

const taken = new WeakSet<SubscriberLike>();

/** @throws {ConfigError} for a client that does not pass on what it is told */
export function trackerOf(subscriber: SubscriberLike): Tracker {
  const command = commandOf(subscriber);
  refuseResp3(subscriber);
  return {
    take() {
      if (taken.has(subscriber)) {
        throw new ConfigError("redisStore: with tracking each cache needs a store and a subscriber of its own");
      }
      taken.add(subscriber);
      return () => taken.delete(subscriber);
    },
    open(channels, space, on) {
      let isEnded = false;
      let breaks = 0;
      const feed = subscription(subscriber, channels, {
        message: on.message,
        lost() {
          breaks++;
          on.lost();
        },
      });
      return {
        async start() {
          const before = breaks;
          // A connection that subscribes takes no commands, and the client subscribes by itself when it has a new one.
          await feed.pause();
          const id = String(await command("CLIENT", "ID"));
          await command("CLIENT", "TRACKING", "OFF");
          await command("CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", space);
          if (isEnded) return;
          if (breaks !== before) throw new Error("the connection was lost meanwhile");
          await feed.start();
        },
        end() {
          isEnded = true;
          const off = (): Promise<unknown> => command("CLIENT", "TRACKING", "OFF");
          feed
            .pause()
            .then(off)
            .catch(() => undefined);
          feed.end();
        },
      };
    },
  };
}

function commandOf(subscriber: SubscriberLike): Command {
  if ("call" in subscriber && typeof subscriber.call === "function") {
    const call: unknown = subscriber.call;
    return async (...words) => (call as Command).apply(subscriber, words);
  }
  if ("sendCommand" in subscriber && typeof subscriber.sendCommand === "function") {
    const send: unknown = subscriber.sendCommand;
    return async (...words) => (send as (words: string[]) => Promise<unknown>).call(subscriber, words);
  }
  throw new ConfigError("redisStore: tracking needs a subscriber that can send commands");
}

/** In the newer protocol neither client passes on what it is told: ioredis 6 and node-redis 6 use that by default. */
function refuseResp3(subscriber: SubscriberLike): void {
  const options = "options" in subscriber ? subscriber.options : undefined;
  const has = (name: string): unknown =>
    typeof options === "object" && options !== null ? (options as Record<string, unknown>)[name] : undefined;
  if ("status" in subscriber && has("protocol") !== undefined && has("protocol") !== 2) {
    throw new ConfigError("redisStore: tracking needs a subscriber with `protocol: 2`");
  }
  if (!("status" in subscriber) && has("RESP") !== 2) {
    throw new ConfigError("redisStore: tracking needs a subscriber with `RESP: 2`");
  }
}
