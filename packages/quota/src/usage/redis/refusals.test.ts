import { type EventChannel, isScaleError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { freePort, type RedisServer, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { memoryLedger } from "../../../test/memory-ledger.js";
import { ledgerFail } from "../../events.js";
import { redisUsage } from "./store.js";

const available = inject("redisUrl") !== "";
const period = { key: "month-1", startsAt: 0, endsAt: 4_000_000_000_000 };
const of100 = { tenantId: "acme", metric: "tokens", period, limit: 100, max: 100 };

describe.skipIf(!available)("redisUsage on a server that rejects writes", () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
    redis = new Redis(server.url);
  });
  afterEach(async () => {
    for (const { end } of refusals) await end();
    await redis.flushall();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const noPrimary = async (): Promise<unknown> => redis.replicaof("127.0.0.1", await freePort());
  const refusals: { name: string; begin(): Promise<unknown>; end(): Promise<unknown>; says: RegExp }[] = [
    {
      name: "has no memory left (OOM)",
      begin: () => redis.config("SET", "maxmemory", "1"),
      end: () => redis.config("SET", "maxmemory", "0"),
      says: /OOM/,
    },
    { name: "is a replica (READONLY)", begin: noPrimary, end: () => redis.replicaof("NO", "ONE"), says: /READONLY/ },
  ];

  for (const { name, begin, end, says } of refusals) {
    it(`records all of a call or nothing while it ${name}, and counts on after`, async () => {
      const clock = createManualClock();
      const ledger = memoryLedger();
      const store = redisUsage({ redis, ledger, clock, timeoutMs: 5000, flushEveryMs: 3_600_000 });
      const failures = collect(ledgerFail);
      const hold = (id: string, ttlMs: number) =>
        store.reserve({ tenantId: "acme", id, ttlMs, changes: [{ ...of100, units: 10 }] });
      const use = () => store.consume({ tenantId: "acme", changes: [{ ...of100, units: 1 }] });
      const read = () => store.read({ tenantId: "acme", metrics: [of100] });
      await hold("short", 1000);
      await hold("long", 60_000);
      await use();
      await begin();
      const calls = [
        () => hold("late", 1000),
        use,
        () => store.commit({ ...of100, id: "long", units: 9, over: "cap" }),
      ];
      for (const call of calls) {
        const error: unknown = await call().catch((cause: unknown) => cause);
        expect(isScaleError(error, "SCALE_STORE")).toBe(true);
        expect(String((error as Error).cause)).toMatch(says);
      }
      expect(await read()).toMatchObject([{ used: 1, held: 20 }]);
      // Dropping expired holds frees memory, and a script that has begun to write goes on: it writes everything or nothing.
      clock.advance(20_000);
      const recorded = await use().then(
        () => 1,
        () => 0,
      );
      expect(await read()).toMatchObject([{ used: 1 + recorded, held: 10 }]);
      // The count is marked dirty before a commit, also before its repetitions.
      expect(failures).not.toEqual([]);
      expect(failures.filter(({ error }) => !isScaleError(error, "SCALE_STORE"))).toEqual([]);
      await end();
      expect(await store.commit({ ...of100, id: "long", units: 9, over: "cap" })).toMatchObject({
        recorded: 9,
        held: 0,
      });
      expect(await use()).toMatchObject({ admitted: true, changes: [{ used: 11 + recorded }] });
      await store.close();
      expect(ledger.total()).toBe(11 + recorded);
    });
  }
});

function collect<T>(event: EventChannel<T>): T[] {
  const messages: T[] = [];
  onTestFinished(event.subscribe((message) => messages.push(message)));
  return messages;
}
