import { randomUUID } from "node:crypto";
import { ConfigError, StoreError } from "@scale/core";
import {
  describeValue,
  parseOptions,
  prefixOption,
  redisOption,
  tenantKey,
  tenantKeyPrefix,
  timeoutOption,
} from "@scale/core/kit";
import { createScriptRunner, isSubscriberLike, type RedisLike, type SubscriberLike } from "@scale/core/redis";
import { z } from "zod";
import { storeFail } from "../events.js";
import type { HubStore, OpenStore, StoreSettings } from "../store.js";
import { createAppend } from "./append.js";
import { type Channels, createChannels } from "./channels.js";
import type { RedisHubContext } from "./context.js";
import { newEpoch } from "./epoch.js";
import { parseRead, parseTails } from "./replies.js";
import { countPresence, setPresence } from "./scripts.gen.js";
import { read as readScript, tails as tailsScript } from "./scripts.js";

export interface RedisHubOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. The application connects and closes it. */
  readonly redis: RedisLike;
  /**
   * A second connection for subscriptions: `redis.duplicate()`. The application connects and closes it.
   * @default none: the hub publishes, and admits no clients
   */
  readonly subscriber?: SubscriberLike;
  /**
   * Whether events go through sharded channels (Redis >= 7), for an ioredis `Cluster` with `shardedSubscribers: true` as
   * subscriber. The same in every process.
   * @default false
   */
  readonly sharded?: boolean;
  /**
   * Treatment of clients after Redis was restarted or failed over. `reset` tells them to fetch their state again, because such
   * a server may lack the newest events. `resume` continues, for one server with `appendfsync always`. The same in every
   * process.
   * @default "reset"
   */
  readonly afterRestart?: "reset" | "resume";
  /**
   * First part of every key and channel.
   * @default "scale:realtime"
   */
  readonly prefix?: string;
  /**
   * Deadline of one call, in milliseconds.
   * @default 500
   */
  readonly timeoutMs?: number;
}

const optionsSchema = z
  .strictObject({
    redis: redisOption,
    subscriber: z.custom<SubscriberLike>(isSubscriberLike, "expected an ioredis or node-redis client").optional(),
    sharded: z.boolean().default(false),
    afterRestart: z.enum(["reset", "resume"]).default("reset"),
    prefix: prefixOption("scale:realtime"),
    timeoutMs: timeoutOption(500),
  })
  .superRefine(({ subscriber, sharded }, context) => {
    if (subscriber === undefined) return;
    const isCluster = "isCluster" in subscriber && subscriber.isCluster === true;
    if (sharded === isCluster && (!sharded || "ssubscribe" in subscriber)) return;
    const message = sharded
      ? "expected an ioredis Cluster with shardedSubscribers: true, for sharded channels"
      : "expected a connection to one node, or the option sharded";
    context.addIssue({ code: "custom", path: ["subscriber"], message });
  });

/** Milliseconds for which the history of a tenant without clients is kept after its last event. */
const KEEP_MS = 7 * 86_400_000;

/**
 * Keeps events in Redis Streams, for all processes that share the server and the prefix. A process uses two connections.
 * @throws {ConfigError} that names every wrong option
 */
export function redisHub(options: RedisHubOptions): HubStore {
  const { redis, subscriber, prefix, timeoutMs, sharded, afterRestart } = parseOptions(
    optionsSchema,
    options,
    "redisHub",
  );
  const runner = createScriptRunner({ redis, timeoutMs });
  const keyOf = (kind: string) => (tenantId: string, name: string) => tenantKey(prefix, tenantId, [kind, name]);
  return {
    open(settings) {
      const { events, ttlMs } = settings.history;
      const context: RedisHubContext = {
        ...{ runner, sharded, afterRestart, ttlMs, events, keepMs: Math.max(KEEP_MS, 2 * ttlMs) },
        prefixOf: (tenantId) => tenantKeyPrefix(prefix, tenantId),
        historyKey: (tenantId) => tenantKey(prefix, tenantId, ["history"]),
        topicKey: keyOf("topic"),
        tailKey: keyOf("tail"),
        presenceKey: keyOf("presence"),
      };
      return openStore(context, subscriber && openFeed(context, { subscriber, timeoutMs, settings }));
    },
  };
}

interface FeedOptions {
  readonly subscriber: SubscriberLike;
  readonly timeoutMs: number;
  readonly settings: StoreSettings;
}

/** The notifications of the topics that this process has subscribed. */
interface Feed extends Channels {
  readonly topics: Map<string, { readonly tenantId: string; readonly topic: string }>;
}

function openFeed({ sharded }: RedisHubContext, { subscriber, timeoutMs, settings }: FeedOptions): Feed {
  const { listener } = settings;
  const topics: Feed["topics"] = new Map();
  const channels = createChannels({
    ...{ subscriber, sharded, timeoutMs },
    onMessage(channel, payload) {
      const topic = topics.get(channel);
      const event = topic && parseMessage(payload);
      if (topic !== undefined && event !== undefined) listener.onEvent({ ...topic, ...event });
    },
    onLost: () => listener.onLost(),
    onRestored: () => listener.onRestored(),
    onFail: (error) => storeFail.publish(() => ({ tenantId: undefined, operation: "subscribe", error })),
  });
  return { ...channels, topics };
}

/** Topics whose presence one call publishes: bounds how long it blocks the server. */
const PRESENCE_BATCH = 200;

const MESSAGE = /^([0-9a-f]{32}) (\d{1,16}) (\d{1,16}) /;

/** Anything else on the channel is not of a hub. */
function parseMessage(payload: string) {
  const match = MESSAGE.exec(payload);
  if (match === null) return undefined;
  const [head, epoch = "", position, previous] = match;
  return { epoch, position: Number(position), previous: Number(previous), body: payload.slice(head.length) };
}

function openStore(context: RedisHubContext, feed: Feed | undefined): OpenStore {
  const { runner, historyKey, topicKey, tailKey, presenceKey, ttlMs, keepMs, afterRestart } = context;
  const append = createAppend(context);
  const processId = randomUUID();
  return {
    canSubscribe: feed !== undefined,
    append,
    async read({ tenantId, topics, after, limit, maxBytes = Number.MAX_SAFE_INTEGER, step = limit }) {
      const cursor = after === undefined ? ["", "0"] : [after.epoch, String(after.position)];
      const page = [ttlMs, limit, maxBytes, step].map(String);
      const args = [String(keepMs), afterRestart, "", newEpoch(), ...page, ...cursor];
      const keys = [historyKey(tenantId), ...topics.map((topic) => topicKey(tenantId, topic))];
      return parseRead(await runner.run(readScript, { keys, args }), topics);
    },
    async tails(tenantId, topics) {
      const args = [String(keepMs), afterRestart, "", newEpoch()];
      const keys = [historyKey(tenantId), ...topics.map((topic) => tailKey(tenantId, topic))];
      return parseTails(await runner.run(tailsScript, { keys, args }), topics.length);
    },
    async subscribe(tenantId, topic) {
      if (feed === undefined) throw new ConfigError("redisHub: expected the option subscriber, got none");
      const channel = topicKey(tenantId, topic);
      feed.topics.set(channel, { tenantId, topic });
      try {
        await feed.add(channel);
      } catch (cause) {
        throw new StoreError("the Redis channel of a topic could not be subscribed", { cause });
      }
    },
    unsubscribe(tenantId, topic) {
      const channel = topicKey(tenantId, topic);
      feed?.topics.delete(channel);
      feed?.remove(channel);
    },
    async setPresence(tenantId, counts, presenceTtlMs) {
      for (let i = 0; i < counts.length; i += PRESENCE_BATCH) {
        const part = counts.slice(i, i + PRESENCE_BATCH);
        const keys = part.map(({ topic }) => presenceKey(tenantId, topic));
        const args = [processId, String(presenceTtlMs), "", ...part.map(({ count }) => String(count))];
        await runner.run(setPresence, { keys, args });
      }
    },
    async countPresence(tenantId, topic) {
      const count = Number(await runner.run(countPresence, { keys: [presenceKey(tenantId, topic)], args: [""] }));
      if (Number.isSafeInteger(count)) return count;
      throw new StoreError(`Redis script count-presence: expected a number, got ${describeValue(count)}`);
    },
    close: () => feed?.close(),
  };
}
