import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createHub } from "@scale/realtime";
import { redisHub } from "@scale/realtime/redis";
import { startProcessPool } from "@scale/testkit";
import { Redis } from "ioredis";
import type { Ask } from "./server.worker.js";
import { type HubSetup, TENANT, TOPICS } from "./stage.js";

const WORKER = new URL("../../../proofs/src/sse-resume/server.worker.ts", import.meta.resolve("@scale/testkit"));

/** Server processes with a hub each, and a publisher in this one. */
export interface Stage {
  readonly urls: readonly string[];
  /** Publishes event `n`, until the store has it. */
  publish(n: number): Promise<void>;
  /** Publications that were rejected and repeated. */
  readonly repeated: number;
  close(): Promise<void>;
}

export async function openStage(
  redisUrl: string,
  { size = 2, ...options }: Partial<HubSetup> & { readonly size?: number } = {},
): Promise<Stage> {
  const setup: HubSetup = {
    ...{ redisUrl, prefix: `proof:${randomUUID()}`, afterRestart: "reset", historyEvents: 5000 },
    ...options,
  };
  const pool = await startProcessPool({ size, script: WORKER, args: undefined, parse: String });
  const urls = await pool.all({ start: setup } satisfies Ask);
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
  redis.on("error", () => undefined);
  const { prefix, afterRestart, historyEvents } = setup;
  const topic = { authorize: () => true };
  const hub = createHub({
    store: redisHub({ redis, prefix, afterRestart, timeoutMs: 1000 }),
    history: { events: historyEvents },
    topics: { a: topic, b: topic },
  });
  let repeated = 0;
  return {
    urls,
    async publish(n) {
      for (;;) {
        try {
          // The id lets a repetition after a lost answer publish nothing twice.
          return await hub.publish(TOPICS[n % TOPICS.length] ?? "a", n, { tenantId: TENANT, id: `event-${n}` });
        } catch {
          repeated++;
          await sleep(50);
        }
      }
    },
    get repeated() {
      return repeated;
    },
    async close() {
      await pool.all("stop" satisfies Ask);
      await pool.close();
      hub.close();
      redis.disconnect();
    },
  };
}
