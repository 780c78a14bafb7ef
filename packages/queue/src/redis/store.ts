import { keySegment, parseOptions, prefixOption, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { systemTimerClock } from "../clock.js";
import { storeFallback } from "../events.js";
import type { OpenQueueOptions, QueueStore, StoredQueue, TimerClock } from "../store.js";
import { type BullmqScripts, readBullmqScripts } from "./bullmq-scripts.js";
import { chosenQueue } from "./chosen-queue.js";
import { type IoredisClient, type IoredisConnection, isIoredisClient, openConnection } from "./connection.js";
import type { QueueContext } from "./context.js";
import { createFallbackQueue } from "./fallback/queue.js";
import { queueOperations, type RunOperation } from "./operations.js";
import { digestOf, isPinned } from "./pinned.js";
import { createRedisQueue } from "./queue.js";

export interface RedisStoreOptions {
  /**
   * An ioredis 5 or 6 client: a server, Sentinel or Cluster. The store opens connections like it: one for each queue, and one
   * for each worker. It closes those, and leaves the client alone.
   */
  readonly redis: IoredisClient;
  /**
   * First part of every key.
   * @default "scale"
   */
  readonly prefix?: string;
  /**
   * Deadline of one call, in milliseconds.
   * @default 1000
   */
  readonly timeoutMs?: number;
  /** Clock of tests. Without it, Redis' own decides what is due, for all processes alike. */
  readonly clock?: TimerClock;
}

const DAY_MS = 86_400_000;

/** Name and prefix of a queue for BullMQ's own classes: `new Queue(name, { prefix, connection }, fairBackend(…))`. */
export function bullmqNames(queue: string, prefix = "scale"): { readonly name: string; readonly prefix: string } {
  const name = keySegment(queue);
  return { name, prefix: `{${keySegment(prefix)}:${name}}` };
}

const optionsSchema = z.strictObject({
  redis: z.custom<IoredisClient>(isIoredisClient, "expected an ioredis client"),
  prefix: prefixOption("scale"),
  timeoutMs: timeoutOption(1000),
  clock: z.custom<TimerClock>().default(systemTimerClock),
});

/**
 * Keeps jobs in Redis, in BullMQ's format and with BullMQ's scripts, and decides there which tenant's job is fetched next: in
 * the same atomic step, however the jobs arrived. The keys of a queue share one hash tag. With a BullMQ whose scripts it does not
 * know it works through BullMQ's public interface, with less: see the guide, and the event `scale:queue:store-fallback`.
 */
export function redisStore(options: RedisStoreOptions): QueueStore {
  const settings = parseOptions(optionsSchema, options, "redisStore");
  return {
    open: (open) =>
      chosenQueue(settings.clock, async () => {
        const scripts = await readBullmqScripts();
        return openQueue({ ...settings, scripts, open });
      }),
  };
}

export interface OpenInput extends Readonly<Required<RedisStoreOptions>> {
  readonly scripts: BullmqScripts;
  readonly open: OpenQueueOptions;
}

/** Opens a queue with the scripts of the installed BullMQ, or without them when they are not the known ones. */
export function openQueue(input: OpenInput): StoredQueue {
  const { redis, open, scripts } = input;
  const names = bullmqNames(open.name, input.prefix);
  const context = createContext(input, names);
  if (isPinned(scripts)) return createRedisQueue(context, open);
  storeFallback.publish(() => ({ queue: open.name, digest: digestOf(scripts) }));
  return createFallbackQueue({ context, options: open, redis, ...names });
}

function createContext(input: OpenInput, { name, prefix }: ReturnType<typeof bullmqNames>): QueueContext {
  const { redis, timeoutMs, clock, open, scripts } = input;
  const keyPrefix = `${prefix}:${name}:`;
  const idleTtlMs = Math.max(open.retention.dead.ageMs, DAY_MS) + DAY_MS;
  let connection: IoredisConnection | undefined;
  let operations: RunOperation | undefined;
  const context: QueueContext = {
    ...{ clock, keyPrefix, timeoutMs },
    get connection() {
      connection ??= openConnection(redis, `${prefix}:${name}`);
      return connection;
    },
    run(operation, args, options) {
      operations ??= queueOperations({
        ...{ connection: context.connection, scripts, timeoutMs, clock, keyPrefix, charge: open.charge, idleTtlMs },
      });
      return operations(operation, args, options);
    },
    openBlocking: () => openConnection(redis, `${prefix}:${name}:worker`),
    async close() {
      connection?.disconnect();
    },
  };
  return context;
}
