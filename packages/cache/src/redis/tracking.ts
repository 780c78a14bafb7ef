import { ConfigError, StoreError } from "@scale/core";
import type { RedisLike } from "@scale/core/redis";
import type { CacheStore, InvalidationListener, EntryAddress } from "../store.js";
import {
  busChannel,
  type FeedOptions,
  feedOver,
  hearBus,
  type Wire,
  type WireListener,
} from "./bus/invalidation-bus.js";
import { mark } from "./scripts.gen.js";
import type { Payload } from "./bus/subscriber.js";
import { createCheck } from "./tracking-check.js";
import { trackingFail } from "./tracking-event.js";
import { beatKey } from "./tracking-keys.js";
import { type Own, watchOwn } from "./tracking-own.js";
import { createQueue } from "./tracking-queue.js";
import { type Tracker, trackerOf } from "./tracking-subscriber.js";

export interface TrackingOptions extends Omit<FeedOptions, "subscriber"> {
  readonly redis: RedisLike;
  readonly subscriber: FeedOptions["subscriber"] | undefined;
}

/** Where Redis itself publishes to a connection, which keys have changed. */
const CHANGES = "__redis__:invalidate";
/** Beats that may stay away before the connection is asked for again. */
const PATIENCE = 3;

/**
 * The store, whose feed hears of every change of its keys, whoever made it: also of deletes by others, of what Redis evicts,
 * and of a flush. What this process changes itself it recognises.
 * @throws {ConfigError} for a subscriber that cannot be told, and on a Cluster
 */
export function trackedStore(store: CacheStore, options: TrackingOptions): CacheStore {
  const { redis, subscriber, runner, prefix, clock } = options;
  if (subscriber === undefined) throw new ConfigError("redisStore: tracking needs a subscriber");
  if (runner.isCluster) throw new ConfigError("redisStore: tracking is not possible on a Cluster");
  const tracker = trackerOf(subscriber);
  const listeners = new Set<InvalidationListener>();
  const doubt = ({ tenantId, key }: EntryAddress): void => {
    for (const each of listeners) each.invalidated({ tenantId, keys: [key], tags: [], all: false });
  };
  const watched = watchOwn(store, { monotonic: () => clock.monotonic(), doubt });
  const space = `${keyPrefixOf(redis)}${prefix}:`;
  const listen = feedOver((listener) => openWire(listener, { ...options, tracker, own: watched.own, space }));
  return {
    ...watched.store,
    subscribe(listener, everyMs) {
      const release = tracker.take();
      listeners.add(listener);
      const end = listen(listener, everyMs);
      return () => {
        listeners.delete(listener);
        end();
        release();
      };
    },
  };
}

interface WireOptions extends TrackingOptions {
  readonly tracker: Tracker;
  readonly own: Own;
  readonly space: string;
}

/** Both kinds of messages come over one connection, in the order of the server: a beat of the one proves the other too. */
function openWire(listener: WireListener, options: WireOptions): Wire {
  const { tracker, own, space, sender, runner, prefix, clock } = options;
  const bus = busChannel(prefix);
  const queue = createQueue({
    ...{ space, sender },
    mayHold: own.mayHold,
    check: createCheck({ runner, prefix, own }),
    invalidated: (what) => listener.invalidated(what),
    proven: (atMs) => listener.confirmed(atMs),
    lost: () => listener.lost(),
  });
  function hear(channel: string, payload: Payload): void {
    if (channel === bus) return hearBus(payload, sender, listener);
    if (typeof payload === "string") return;
    if (payload !== null) return queue.add(payload);
    // Everything is gone. What was under way before that is to be forgotten with the rest.
    queue.clear();
    listener.lost();
    listener.hurry();
  }
  const line = tracker.open([CHANGES, bus], space, {
    message: hear,
    lost() {
      queue.clear();
      listener.broken();
    },
  });
  return {
    patience: PATIENCE,
    silent() {
      queue.clear();
      trackingFail.publish(() => ({ error: new StoreError("Redis does not tell this process what changes") }));
    },
    async start() {
      try {
        await line.start();
      } catch (error) {
        trackingFail.publish(() => ({ error }));
        throw error;
      }
    },
    beat: () => runner.run(mark, { keys: [beatKey(prefix, sender, clock.monotonic())], args: [] }),
    end: () => line.end(),
  };
}

/** What ioredis puts before every key. Redis tells keys as it knows them. */
function keyPrefixOf(redis: RedisLike): string {
  if (!("options" in redis) || typeof redis.options !== "object" || redis.options === null) return "";
  return "keyPrefix" in redis.options && typeof redis.options.keyPrefix === "string" ? redis.options.keyPrefix : "";
}
