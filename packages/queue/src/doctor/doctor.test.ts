import { createDatabase, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { createClient } from "redis";
import { describe, expect, inject, it } from "vitest";
import { queueTables } from "../postgres/index.js";
import { pgClient } from "../sql/pg.js";
import { checkPostgres } from "./postgres.js";
import { checkRedis } from "./redis.js";

const redisUrl = inject("redisUrl");
const server = inject("postgresUrl");
const codes = (findings: readonly { readonly code: string }[]): string[] => findings.map(({ code }) => code);

describe.skipIf(redisUrl === "")("checkRedis", () => {
  it("finds nothing on a server that keeps its jobs, with both clients", async () => {
    const running = await startRedis({ aof: true });
    const ioredis = new Redis(running.url);
    const nodeRedis = await createClient({ url: running.url }).connect();
    expect(await checkRedis({ redis: ioredis })).toEqual([]);
    expect(await checkRedis({ redis: nodeRedis })).toEqual([]);
    ioredis.disconnect();
    nodeRedis.destroy();
    await running.stop();
  });

  it("finds eviction, a missing append-only file and asynchronous replicas", async () => {
    const args = ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"];
    const running = await startRedis({ args });
    const replica = await startRedis({
      args: ["--replicaof", "127.0.0.1", String(running.port), "--masterauth", new URL(running.url).password],
    });
    const [primary, standby] = [new Redis(running.url), new Redis(replica.url)];
    await expect.poll(async () => (await primary.info()).includes("connected_slaves:1")).toBe(true);
    const findings = await checkRedis({ redis: primary });
    expect(codes(findings)).toEqual(["redis-eviction", "redis-no-aof", "redis-async-replicas"]);
    expect(findings.map(({ severity }) => severity)).toEqual(["error", "error", "warning"]);
    expect(codes(await checkRedis({ redis: standby }))).toContain("redis-replica");
    primary.disconnect();
    standby.disconnect();
    await Promise.all([replica.stop(), running.stop()]);
  });

  const healthy = [
    "redis_version:7.4.0",
    "maxmemory:0",
    "maxmemory_policy:noeviction",
    "aof_enabled:1",
    "role:master",
  ].join("\r\n");
  const now = async (): Promise<string[]> => [String(Math.floor(Date.now() / 1000)), "0"];

  it.each([
    ["an old server", healthy.replace("7.4.0", "6.2.1"), "redis-version"],
    ["settings that the server does not tell", "redis_version:7.4.0", "unknown-setting"],
    ["eviction that has no limit yet", healthy.replace("noeviction", "volatile-lru"), "redis-eviction"],
  ])("finds %s", async (_what, info, code) => {
    const findings = await checkRedis({ redis: { info: async () => info, time: now } });
    expect(codes(findings)).toContain(code);
  });

  it("finds a clock that is off by an hour", async () => {
    const time = async (): Promise<Date> => new Date(Date.now() + 3_600_000);
    expect(codes(await checkRedis({ redis: { info: async () => healthy, time } }))).toEqual(["clock-skew"]);
  });

  it("rejects within its deadline when the server does not answer", async () => {
    const redis = { info: () => new Promise(() => undefined), time: now };
    await expect(checkRedis({ redis, timeoutMs: 20 })).rejects.toMatchObject({ code: "SCALE_STORE" });
  });
});

describe.skipIf(!server)("checkPostgres", () => {
  it("finds a database without the tables, and nothing after the migration but the test server's missing fsync", async () => {
    const pool = new Pool({ connectionString: await createDatabase(server, "queue_doctor") });
    const client = pgClient(pool);
    expect(codes(await checkPostgres({ client }))).toContain("postgres-tables");
    await pool.query(queueTables());
    const findings = await checkPostgres({ client });
    expect(codes(findings)).toEqual(["postgres-not-durable"]);
    expect(findings[0]?.message).toContain("fsync");
    await pool.end();
  });

  it("finds a standby", async () => {
    const replicaUrl = inject("postgresReplicaUrl");
    const pool = new Pool({ connectionString: replicaUrl });
    expect(codes(await checkPostgres({ client: pgClient(pool) }))).toContain("postgres-standby");
    await pool.end();
  });
});
