import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, it } from "vitest";
import { startProbers } from "../../test/probers.js";

const url = inject("redisUrl");
const PROCESSES = 5;
const LEASE_MS = 2500;

describe.skipIf(!url)(`${PROCESSES} processes with one shared breaker`, () => {
  const redis = new Redis(url);
  afterAll(() => redis.disconnect());

  it("have one probe between them, and the next one a lease after its process was killed", async () => {
    const prefix = `test:${process.pid}:probers`;
    const pool = await startProbers(PROCESSES, { url, prefix, leaseMs: LEASE_MS });
    const probes = async () =>
      (await redis.lrange(`${prefix}:probes`, 0, -1)).map((text) => {
        const [index = Number.NaN, atMs = Number.NaN] = text.split(":").map(Number);
        return { index, atMs };
      });
    try {
      const tripped = await pool.all({ is: "trip" });
      expect(tripped.map(({ state }) => state)).toEqual(Array.from({ length: PROCESSES }, () => "open"));
      const calls = pool.all({ is: "call", forMs: LEASE_MS / 3, isUp: false });
      const replies = await calls;
      const [holder, ...others] = await probes();
      expect(others).toEqual([]);
      expect(replies.every(({ refused }) => refused > 10)).toBe(true);

      await pool.kill(holder?.index ?? 0);
      const after = await pool.all({ is: "call", forMs: 10_000, isUp: true });
      expect(after.map(({ state }) => state)).toEqual(Array.from({ length: PROCESSES - 1 }, () => "closed"));
      const [, next] = await probes();
      expect((next?.atMs ?? 0) - (holder?.atMs ?? 0)).toBeGreaterThanOrEqual(LEASE_MS - 100);
      expect((next?.atMs ?? 0) - (holder?.atMs ?? 0)).toBeLessThan(LEASE_MS + 2000);
    } finally {
      await pool.close();
    }
  });
});
