import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import { lastKnownGoodFile } from "../src/file/index.js";
import { createFlags, defineFlags, type Flags, type FlagStatus, int } from "../src/index.js";
import { redisSource } from "../src/redis/index.js";

const definitions = defineFlags({ pageSize: int({ default: 50 }) });

export interface ProcessArgs {
  readonly url: string;
  readonly prefix: string;
  /** Path of the last-known-good file; each process appends its index. */
  readonly file: string;
}

/** Waits until the flag has the value, or answers at once what it has. */
export interface Ask {
  readonly until?: number;
  readonly timeoutMs?: number;
}

export interface Reply {
  readonly value: number;
  readonly status: FlagStatus;
  /** Wall time at which the value was there. */
  readonly at: number;
}

let flags: Flags<typeof definitions> | undefined;

serveWorker(async (message, { args, index }): Promise<Reply> => {
  const { until, timeoutMs = 5000 } = message as Ask;
  flags ??= open(args as ProcessArgs, index);
  await flags.ready();
  if (until !== undefined) await waitFor(flags, until, performance.now() + timeoutMs);
  return { value: flags.get("pageSize"), status: flags.status(), at: Date.now() };
});

async function waitFor(flags: Flags<typeof definitions>, value: number, ends: number): Promise<void> {
  while (flags.get("pageSize") !== value && performance.now() < ends) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function open({ url, prefix, file }: ProcessArgs, index: number): Flags<typeof definitions> {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
  const subscriber = redis.duplicate();
  // Without listeners a server that is down would end the process.
  for (const client of [redis, subscriber]) client.on("error", () => undefined);
  return createFlags({
    flags: definitions,
    source: redisSource({ redis, subscriber, prefix }),
    lastKnownGood: lastKnownGoodFile({ path: `${file}.${index}` }),
  });
}
