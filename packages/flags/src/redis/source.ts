import { StoreError } from "@scale/core";
import { describeValue, parseOptions, redisOption, timeoutOption } from "@scale/core/kit";
import { isSubscriberLike, type SubscriberLike, createScriptRunner, type RedisLike } from "@scale/core/redis";
import { z } from "zod";
import type { FlagSource, SourceAnswer, WriteAnswer } from "../source/types.js";
import { read as readScript, write as writeScript } from "./scripts.gen.js";
import { watchChannel } from "./watch-channel.js";

export interface RedisSourceOptions {
  /** An ioredis or node-redis client, single, Sentinel or Cluster. The application connects and closes it. */
  readonly redis: RedisLike;
  /**
   * A second connection for subscriptions: `redis.duplicate()`. The application connects and closes it.
   * @default none: changes arrive with the next poll
   */
  readonly subscriber?: SubscriberLike;
  /**
   * First part of the key and of the channel.
   * @default "scale:flags"
   */
  readonly prefix?: string;
  /**
   * Deadline of one call, in milliseconds.
   * @default 500
   */
  readonly timeoutMs?: number;
}

const optionsSchema = z.strictObject({
  redis: redisOption,
  subscriber: z.custom<SubscriberLike>(isSubscriberLike, "expected an ioredis or node-redis client").optional(),
  prefix: z
    .string()
    .regex(/^[^{}]+$/, "expected a string without braces")
    .default("scale:flags"),
  timeoutMs: timeoutOption(500),
});

/** Keeps the rules in one Redis hash, for all processes that share the server and the prefix. */
export function redisSource(options: RedisSourceOptions): FlagSource {
  const { redis, subscriber, prefix, timeoutMs } = parseOptions(optionsSchema, options, "redisSource");
  const runner = createScriptRunner({ redis, timeoutMs });
  const keys = [`${prefix}:{document}`];
  const channel = `${prefix}:changed`;
  return {
    name: "redis",
    read: async ({ known = "", maxBytes }) =>
      parseRead(await runner.run(readScript, { keys, args: [known, String(maxBytes)] })),
    async write({ base = "", revision, after, text, changedBy, changedAt, note = "" }) {
      const args = [base, revision, String(after), text, changedBy, String(changedAt), note, channel];
      return parseWrite(await runner.run(writeScript, { keys, args }));
    },
    ...(subscriber !== undefined && { watch: (listener) => watchChannel(subscriber, channel, listener) }),
  };
}

// A client may return numbers as strings, and text as a Buffer where the application configured it so.
const field = z.union([z.string(), z.number(), z.instanceof(Buffer)]).transform(String);
const count = field.transform(Number).pipe(z.int().min(0));
const optional = field.transform((text) => (text === "" ? undefined : text));

const readReply = z.union([
  z.tuple([z.literal("absent")]),
  z.tuple([z.literal("unchanged")]),
  z.tuple([z.literal("too-large"), field, count, count]),
  z.tuple([z.literal("document"), field, count, field, optional, optional, optional]),
]);

function parseRead(reply: unknown): SourceAnswer {
  const { data } = readReply.safeParse(reply);
  if (data === undefined) throw unexpected("read", reply);
  if (data[0] === "document") {
    const [is, revision, version, text, changedBy, changedAt, note] = data;
    const at = changedAt === undefined ? undefined : Number(changedAt);
    return { is, document: { revision, version, text, changedBy, changedAt: at, note } };
  }
  if (data[0] === "too-large") {
    const [is, revision, version, bytes] = data;
    return { is, revision, version, bytes };
  }
  return { is: data[0] };
}

const writeReply = z.union([z.tuple([z.literal("conflict")]), z.tuple([z.literal("written"), count])]);

function parseWrite(reply: unknown): WriteAnswer {
  const { data } = writeReply.safeParse(reply);
  if (data === undefined) throw unexpected("write", reply);
  return data[0] === "conflict" ? { is: "conflict" } : { is: "written", version: data[1] };
}

const unexpected = (script: string, reply: unknown): StoreError =>
  new StoreError(`Redis script ${script}: expected a reply of this script, got ${describeValue(reply)}`);
