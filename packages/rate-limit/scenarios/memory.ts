import { packageFile, startProcessPool } from "@scale/testkit";
import type { Redis } from "ioredis";
import type { MemoryAsk, MemoryUse } from "./memory.worker.js";

/** Runs `memory.worker.ts` once in a process of its own, whose heap nothing else uses. */
export async function memoryUse(ask: MemoryAsk): Promise<MemoryUse> {
  const script = packageFile(import.meta.url, "@scale/rate-limit", "scenarios/memory.worker.ts");
  const pool = await startProcessPool({ size: 1, script, parse: (reply: unknown) => reply as MemoryUse });
  try {
    return await pool.one(0, ask);
  } finally {
    await pool.close();
  }
}

/** The keys of a server, and how many of them never expire. */
export async function keysOf(redis: Redis): Promise<{ seen: number; lasting: number }> {
  let seen = 0;
  let lasting = 0;
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "COUNT", 1000);
    cursor = next;
    const pipeline = redis.pipeline();
    for (const key of keys) pipeline.pttl(key);
    const answers = (await pipeline.exec()) ?? [];
    // -2 is a key that has expired since.
    seen += answers.length;
    lasting += answers.filter(([, ttl]) => ttl === -1).length;
  } while (cursor !== "0");
  return { seen, lasting };
}
