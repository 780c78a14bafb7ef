import { parseOptions, prefixOption, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { systemTimerClock } from "../clock.js";
import type { QueueStore, TimerClock } from "../store.js";
import { readBullmqScripts } from "./bullmq-scripts.js";
import { chosenQueue } from "./chosen-queue.js";
import { type IoredisClient, isIoredisClient } from "./connection.js";
import { openQueue } from "./open-queue.js";

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
