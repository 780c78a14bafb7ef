import { type ProcessPool, startProcessPool } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Ask } from "../../scenarios/process.worker.js";

const url = inject("redisUrl");
const PROCESSES = 4;
const LEASE_MS = 400;

interface Reply {
  readonly values: number;
  readonly value: number;
}

describe.skipIf(!url)("four processes", () => {
  const prefix = `processes:${process.pid}`;
  let pool: ProcessPool<Reply>;
  let redis: Redis;

  beforeAll(async () => {
    redis = new Redis(url);
    const script = new URL("../../scenarios/process.worker.ts", import.meta.url);
    const args = { url, prefix, leaseMs: LEASE_MS };
    pool = await startProcessPool({ size: PROCESSES, script, args, parse: (reply: unknown) => reply as Reply });
  });
  afterAll(async () => {
    redis.disconnect();
    await pool.close();
  });

  const loads = async (key: string): Promise<number> => Number(await redis.get(`${prefix}:loads:${key}`));
  const ask = (key: string, loadMs: number): Ask => ({ key, loadMs, callers: 1000 });

  it("with a thousand callers each load a cold key once", async () => {
    for (let round = 0; round < 10; round++) {
      const replies = await pool.all(ask(`cold-${round}`, round * 10));
      expect(replies).toEqual(replies.map(() => ({ values: 1, value: 1 })));
      expect(await loads(`cold-${round}`)).toBe(1);
    }
  });

  it("load once when the load takes longer than a lease lives", async () => {
    await pool.all(ask("slow", LEASE_MS * 3));
    expect(await loads("slow")).toBe(1);
  });

  it("load once more when the loading process is killed", async () => {
    const all = pool.all(ask("killed", LEASE_MS * 2)).catch(() => undefined);
    await expect.poll(() => redis.get(`${prefix}:loader:killed`), { timeout: 5000 }).not.toBeNull();
    const holder = Number(await redis.get(`${prefix}:loader:killed`));
    await pool.kill(pool.pids.indexOf(holder));
    await all;
    expect(await loads("killed")).toBe(2);
    const replies = await pool.all(ask("killed", 0));
    expect(replies).toEqual(Array.from({ length: PROCESSES - 1 }, () => ({ values: 1, value: 2 })));
    expect(await loads("killed")).toBe(2);
  });
});
