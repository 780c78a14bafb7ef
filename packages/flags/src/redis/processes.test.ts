import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRedis, type ProcessPool, type RedisServer, startProcessPool, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Ask, ProcessArgs, Reply } from "../../test/process.worker.js";
import { createFlags, defineFlags, int } from "../index.js";
import { redisSource } from "./index.js";

const PROCESSES = 4;
const definitions = defineFlags({ pageSize: int({ default: 50 }) });
const script = new URL("../../test/process.worker.ts", import.meta.url);

describe.skipIf(findRedis() === undefined)("four processes", () => {
  const folder = mkdtempSync(join(tmpdir(), "scale-flags-"));
  let server: RedisServer;
  let pool: ProcessPool<Reply>;
  const startPool = async (): Promise<ProcessPool<Reply>> => {
    const args: ProcessArgs = { url: server.url, prefix: "flags", file: join(folder, "flags.json") };
    return startProcessPool({ size: PROCESSES, script, args, parse: (reply: unknown) => reply as Reply });
  };
  const ask = (message: Ask): Promise<Reply[]> => pool.all(message);
  async function change(value: number): Promise<void> {
    const redis = new Redis(server.url);
    const flags = createFlags({ flags: definitions, source: redisSource({ redis, prefix: "flags" }) });
    await flags.set("pageSize", { rules: [{ value }] }, { by: "test" });
    await flags.close();
    redis.disconnect();
  }

  beforeAll(async () => {
    server = await startRedis();
    pool = await startPool();
    await ask({});
  });
  afterAll(async () => {
    await pool.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it("have a change within a second, time after time", async () => {
    for (let value = 1; value <= 5; value++) {
      const waiting = ask({ until: value });
      const changedAt = Date.now();
      await change(value);
      const replies = await waiting;
      expect(replies.map((reply) => reply.value)).toEqual(replies.map(() => value));
      expect(Math.max(...replies.map(({ at }) => at)) - changedAt).toBeLessThan(1000);
    }
  });

  it("keep the last values while Redis is down, also across a restart, and follow it when it is back", async () => {
    await change(77);
    await ask({ until: 77 });
    await server.kill();
    expect((await ask({})).map(({ value, status }) => [value, status.from])).toEqual(
      Array.from({ length: PROCESSES }, () => [77, "live"]),
    );
    await pool.close();
    pool = await startPool();
    expect((await ask({})).map(({ value, status }) => [value, status.from, status.changedBy])).toEqual(
      Array.from({ length: PROCESSES }, () => [77, "file", "test"]),
    );
    // It comes back empty: that is no order to forget the rules.
    await server.restart();
    await ask({ until: -1, timeoutMs: 1500 });
    expect((await ask({})).map(({ value }) => value)).toEqual(Array.from({ length: PROCESSES }, () => 77));
    await change(78);
    expect((await ask({ until: 78 })).map(({ value, status }) => [value, status.from])).toEqual(
      Array.from({ length: PROCESSES }, () => [78, "live"]),
    );
  });
});
