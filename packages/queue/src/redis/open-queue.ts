import { keySegment } from "@scale/core/kit";
import { storeFallback } from "../events.js";
import type { OpenQueueOptions, StoredQueue, TimerClock } from "../store.js";
import type { BullmqScripts } from "./bullmq-scripts.js";
import { type IoredisClient, type IoredisConnection, openConnection } from "./connection.js";
import type { QueueContext } from "./context.js";
import { createFallbackQueue } from "./fallback/queue.js";
import { queueOperations, type RunOperation } from "./operations.js";
import { digestOf, isPinned } from "./pinned.js";
import { createRedisQueue } from "./queue.js";

const DAY_MS = 86_400_000;

/** Name and prefix of a queue for BullMQ's own classes: `new Queue(name, { prefix, connection }, fairBackend(…))`. */
export function bullmqNames(queue: string, prefix = "scale"): { readonly name: string; readonly prefix: string } {
  const name = keySegment(queue);
  return { name, prefix: `{${keySegment(prefix)}:${name}}` };
}

interface OpenInput {
  readonly redis: IoredisClient;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly clock: TimerClock;
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
