import {
  createDatabase,
  type FaultProxy,
  type RedisServer,
  startFaultProxy,
  startRedis,
  waitUntil,
} from "@scale/testkit";
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from "vitest";
import { type Example, startExample } from "./index.js";
import { asTenant, startTestExample, withoutPostgres } from "./testing.js";

const withoutRedis = inject("redisUrl") === "";

describe.skipIf(withoutPostgres)("without a Redis program", () => {
  const before = process.env["SCALE_TEST_REDIS"];
  afterEach(() => {
    if (before === undefined) delete process.env["SCALE_TEST_REDIS"];
    else process.env["SCALE_TEST_REDIS"] = before;
  });

  it("counts in memory, shows that on the page, and still enforces limits", async () => {
    process.env["SCALE_TEST_REDIS"] = "/nowhere/redis-server";
    const example = await startTestExample("saas_memory");
    onTestFinished(() => example.stop());
    expect(example.components.limitStore.is).toBe("memory");
    const { limitStore } = example.facts();
    expect(limitStore).toEqual({ is: "memory", reason: expect.stringContaining("/nowhere/redis-server") });
    const free = asTenant(example.url, "delta-labs");
    const answers = await Promise.all(Array.from({ length: 20 }, () => free("GET", "/contacts?limit=1")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
  });
});

describe.skipIf(withoutPostgres || withoutRedis)("when Redis goes down", () => {
  it.each(["kill", "pause"] as const)(
    "answers without a 5xx after %s, and counts there again within a second",
    async (how) => {
      const example = await startTestExample(`saas_outage_${how}`);
      onTestFinished(() => example.stop());
      const { limitStore } = example.components;
      if (limitStore.is !== "redis" || limitStore.server === undefined) throw new Error("expected an embedded Redis");
      const { server } = limitStore;
      const ask = asTenant(example.url, "amber-labs");
      const decidedBy = async (by: string): Promise<number> =>
        example.facts().decidedBy.find((row) => row.by === by)?.decisions.total ?? 0;
      expect((await ask("GET", "/contacts?limit=1")).status).toBe(200);

      await server[how]();
      for (let n = 0; n < 20; n++) expect((await ask("GET", "/contacts?limit=1")).status).toBe(200);
      expect(await decidedBy("local")).toBeGreaterThanOrEqual(20);
      expect(example.facts().limitStore).not.toMatchObject({ state: "connected" });

      if (how === "kill") await server.restart();
      else server.resume();
      const before = await decidedBy("store");
      const asksTheStore = async (): Promise<boolean> => {
        expect((await ask("GET", "/contacts?limit=1")).status).toBe(200);
        return (await decidedBy("store")) > before;
      };
      await waitUntil(asksTheStore, { what: "a decision of Redis", timeoutMs: 1000, everyMs: 50 });
      expect(example.facts().limitStore).toMatchObject({ state: "connected" });
      expect(example.facts().errors.total).toBe(0);
    },
  );

  describe("on a failing network", () => {
    let server: RedisServer;
    let proxy: FaultProxy;
    let example: Example;
    beforeEach(async () => {
      server = await startRedis();
      proxy = await startFaultProxy(server.url);
      example = await startTestExample("saas_network", { redisUrl: proxy.url });
    });
    afterEach(async () => {
      await example?.stop();
      await proxy?.close();
      await server?.stop();
    });

    const state = async (): Promise<string> => {
      const { limitStore } = example.facts();
      return limitStore.is === "redis" ? limitStore.state : limitStore.is;
    };

    it("reconnects to Redis when a connection drops all packets", async () => {
      const ask = asTenant(example.url, "amber-labs");
      proxy.blackHole();
      expect((await ask("GET", "/contacts?limit=1")).status).toBe(200);
      expect(await state()).toBe("stalled");
      await proxy.up();
      const isConnected = async (): Promise<boolean> => {
        expect((await ask("GET", "/contacts?limit=1")).status).toBe(200);
        return (await state()) === "connected";
      };
      await waitUntil(isConnected, { what: "Redis", timeoutMs: 3000 });
    });

    it("does not count decisions made without Redis afterwards", async () => {
      // The user limit refills one unit every 3.6 seconds.
      const ask = asTenant(example.url, "delta-labs", "ann");
      const left = async (): Promise<string> => (await ask("GET", "/contacts?limit=1")).headers.get("ratelimit") ?? "";
      expect(await left()).toContain('"user";r=249;');
      proxy.stall();
      expect((await ask("GET", "/contacts?limit=1")).status).toBe(200);
      expect(await state()).toBe("stalled");
      proxy.reset();
      proxy.unstall();
      // The first decisions after the connection is back may still be local. None of them is counted in Redis later.
      const decidedByRedis = async (): Promise<boolean> => (await left()).includes('"user";r=248;');
      await waitUntil(decidedByRedis, { what: "a decision of Redis", timeoutMs: 3000, everyMs: 20 });
    });
  });

  it("starts while REDIS_URL is unreachable", async () => {
    const errors: unknown[] = [];
    const options = { redisUrl: "redis://127.0.0.1:1", onError: (error: unknown) => errors.push(error) };
    const example = await startTestExample("saas_no_redis", options);
    onTestFinished(() => example.stop());
    expect((await asTenant(example.url, "amber-labs")("GET", "/contacts?limit=1")).status).toBe(200);
    expect(errors.map(String)).toEqual([expect.stringContaining("ECONNREFUSED")]);
  });
});

describe("an unreachable database", () => {
  it("is reported without its password", async () => {
    const starting = startExample({ databaseUrl: "postgresql://crm:secret@127.0.0.1:1/crm", traffic: false });
    await expect(starting).rejects.toThrow(
      "the database at 127.0.0.1:1/crm cannot be reached: connect ECONNREFUSED 127.0.0.1:1",
    );
  });
});

describe.skipIf(withoutPostgres)("an existing database", () => {
  it("keeps its rows", async () => {
    const first = await startTestExample("saas_again");
    const { pool } = first.components.database;
    const databaseUrl = pool.options.connectionString ?? "";
    const added = await asTenant(first.url, "amber-labs")("POST", "/contacts", { name: "Zoe", email: "z@a.example" });
    await first.stop();
    const second = await startExample({ databaseUrl, traffic: false });
    onTestFinished(() => second.stop());
    const path = `/contacts/${String(added.body["id"])}`;
    expect((await asTenant(second.url, "amber-labs")("GET", path)).body).toEqual(added.body);
    const { rows } = await second.components.database.pool.query("select count(*)::int from crm.contacts");
    expect(rows).toEqual([{ count: 5001 }]);
  });

  it("is seeded once when two processes start at the same time", async () => {
    const databaseUrl = await createDatabase(inject("postgresUrl"), "saas_together");
    const both = await Promise.all([1, 2].map(() => startExample({ databaseUrl, traffic: false })));
    onTestFinished(async () => {
      await Promise.all(both.map((example) => example.stop()));
    });
    const { rows } = (await both[1]?.components.database.pool.query("select count(*)::int from crm.contacts")) ?? {};
    expect(rows).toEqual([{ count: 5000 }]);
  });
});
