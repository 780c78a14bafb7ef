import { keySegment, parseOptions, prefixOption, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { systemTimerClock } from "../clock.js";
import type { OpenQueueOptions, QueueStore, TimerClock } from "../store.js";
import { type IoredisClient, type IoredisConnection, isIoredisClient, openConnection } from "./connection.js";
import type { QueueContext } from "./context.js";
import { queueOperations, type RunOperation } from "./operations.js";
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
 * the same atomic step, however the jobs arrived. The keys of a queue share one hash tag.
 */
export function redisStore(options: RedisStoreOptions): QueueStore {
  const { redis, prefix, timeoutMs, clock } = parseOptions(optionsSchema, options, "redisStore");
  return {
    open(open: OpenQueueOptions) {
      const { name, prefix: queuePrefix } = bullmqNames(open.name, prefix);
      const keyPrefix = `${queuePrefix}:${name}:`;
      let connection: IoredisConnection | undefined;
      const context: QueueContext = {
        ...{ clock, keyPrefix, timeoutMs },
        get connection() {
          connection ??= openConnection(redis, `${queuePrefix}:${name}`);
          return connection;
        },
        run(operation, args, runOptions) {
          runner ??= queueOperations({ connection: context.connection, timeoutMs, clock, keyPrefix, ...charging });
          return runner(operation, args, runOptions);
        },
        openBlocking: () => openConnection(redis, `${queuePrefix}:${name}:worker`),
        async close() {
          connection?.disconnect();
        },
      };
      const idleTtlMs = Math.max(open.retention.dead.ageMs, DAY_MS) + DAY_MS;
      const charging = { charge: open.charge, idleTtlMs };
      let runner: RunOperation | undefined;
      return createRedisQueue(context, open);
    },
  };
}
