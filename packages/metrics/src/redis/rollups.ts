import { randomUUID } from "node:crypto";
import { type Clock, StoreError, systemClock } from "@scale/core";
import { clockOption, keySegment, parseOptions, redisOption, timeoutOption } from "@scale/core/kit";
import { createScriptRunner, type RedisLike, type ScriptRunner } from "@scale/core/redis";
import { z } from "zod";
import { repeat, type Repetition } from "../interval.js";
import { lastPeriods, PERIODS, periodStart } from "../rollups/periods.js";
import type { Rollup, RollupPeriod, Rollups } from "../rollups/types.js";
import type { MetricsSink, SinkSource } from "../sink.js";
import { parseRollup } from "./parse-rollup.js";
import { type Message, RollupQueue } from "./rollup-queue.js";
import { add, read } from "./scripts.gen.js";

export interface RedisRollupsOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. The application connects and closes it. */
  readonly redis: RedisLike;
  /**
   * First part of every key.
   * @default "scale:metrics"
   */
  readonly prefix?: string;
  /**
   * Time between two writes, in milliseconds.
   * @default 10000
   */
  readonly flushMs?: number;
  /**
   * Deadline of one call, in milliseconds.
   * @default 1000
   */
  readonly timeoutMs?: number;
  /** Clock, for tests. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  redis: redisOption,
  prefix: z
    .string()
    .regex(/^[^{}]+$/, "expected a string without braces")
    .default("scale:metrics"),
  flushMs: z.number().min(10).max(3_600_000).default(10_000),
  timeoutMs: timeoutOption(1000),
  clock: clockOption.default(systemClock),
});

const NAMES: readonly RollupPeriod[] = ["hour", "day", "week"];
/** How long a message may be repeated. */
const REPEAT_MS = 86_400_000;
const MAX_COUNT = 1000;
/** Periods that one call reads: bounds how long it blocks the server. */
const READ_BATCH = 40;

/** Keeps requests by hour, day and week in Redis, added up over all processes. */
export interface RedisRollups extends Rollups, MetricsSink {
  /** Writes what was recorded until now. Rejects when Redis did not take all of it; the rest is written with the next flush. */
  flush(): Promise<void>;
}

/**
 * Pass it to `sinks` of `createMetrics`, and to `rollups` of the admin routes. While Redis is down the figures wait in memory,
 * and each of them is written once.
 * @throws {ConfigError} with the name of the wrong option
 */
export function redisRollups(options: RedisRollupsOptions): RedisRollups {
  const parsed = parseOptions(optionsSchema, options, "redisRollups");
  const { redis, prefix, flushMs, timeoutMs, clock } = parsed;
  const runner = createScriptRunner({ redis, timeoutMs });
  const queue = new RollupQueue(randomUUID());
  const keys = (tenant: string, name: string): string => `${prefix}:{${tenant}}:${name}`;
  let source: SinkSource | undefined;
  let repetition: Repetition | undefined;
  const flush = (): Promise<void> => flushOnce({ source, queue, runner, keys, clock });
  return {
    name: "redis-rollups",
    start(given) {
      source = given;
      repetition = repeat(flush, flushMs, (error) => given.fail(error));
    },
    flush: async () => repetition?.runNow(),
    close: async () => repetition?.close(),
    async read(tenantId, { period, count = PERIODS[period].defaultCount }) {
      const starts = lastPeriods(period, clock.now(), Math.max(1, Math.min(MAX_COUNT, Math.floor(count))));
      const tenant = tenantId === undefined ? "other" : tenantTag(tenantId);
      const found: Rollup[] = [];
      for (let i = 0; i < starts.length; i += READ_BATCH) {
        const part = starts.slice(i, i + READ_BATCH);
        const answer = await runner.run(read, {
          keys: part.map((from) => keys(tenant, `${period}:${from}`)),
          args: [],
        });
        if (!Array.isArray(answer) || answer.length !== part.length)
          throw new StoreError("rollups: expected an answer for each period, got another one");
        found.push(...part.flatMap((from, n) => parseRollup(from, answer[n]) ?? []));
      }
      return found;
    },
  };
}

/** No id is mistaken for `other`. */
const tenantTag = (tenantId: string): string => `t:${keySegment(tenantId)}`;

interface Flush {
  readonly source: SinkSource | undefined;
  readonly queue: RollupQueue;
  readonly runner: ScriptRunner;
  readonly keys: (tenant: string, name: string) => string;
  readonly clock: Clock;
}

async function flushOnce({ source, queue, runner, keys, clock }: Flush): Promise<void> {
  if (source !== undefined) {
    for await (const delta of source.deltas(queue.metrics)) {
      const { tenant } = delta;
      if (tenant !== "none") queue.add(tenant === "other" ? "other" : tenantTag(tenant.tenantId), delta);
    }
  }
  const sent = queue.messages(clock.now()).map((message) => send(message, { queue, runner, keys }));
  const failed = (await Promise.allSettled(sent)).find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function send(
  message: Message,
  { queue, runner, keys }: Pick<Flush, "queue" | "runner" | "keys">,
): Promise<void> {
  const { tenant, number, at, fields } = message;
  const periods = NAMES.map((name) => keys(tenant, `${name}:${periodStart(name, at)}`));
  const lives = [...NAMES.map((name) => PERIODS[name].keptMs), REPEAT_MS].map(String);
  const amounts = [...fields].flatMap(([field, amount]) => [field, String(amount)]);
  await runner.run(add, {
    keys: [keys(tenant, `last:${queue.processId}`), ...periods],
    args: [String(number), ...lives, ...amounts],
  });
  queue.acknowledge(message);
}
