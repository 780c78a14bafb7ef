import { type RedisServer, startRedis } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, rowOf, sleep } from "../../scenarios/database.js";
import { type Node, startNode, untilServed } from "../../scenarios/node.js";

const TIMEOUT_MS = 50;
const LOAD_MS = 10;
/** The full proof freezes for 10 s. The first and the last moments matter, so that less is enough here. */
const FROZEN_MS = 3000;

describe.skipIf(!inject("redisUrl"))("a dedicated Redis", () => {
  let server: RedisServer;
  let node: Node;
  let other: Node;

  beforeAll(async () => {
    server = await startRedis();
    const options = { prefix: "outage", timeoutMs: TIMEOUT_MS, staleness: { bound: 500 } };
    [node, other] = [startNode(server.url, options), startNode(server.url, options)];
    await untilServed(node, other);
  });
  afterAll(async () => {
    node.close();
    other.close();
    await server.stop();
  });

  it("that is frozen delays a reader by at most the timeout and the load, and is used again afterwards", async () => {
    const database = createDatabase(() => LOAD_MS / 2);
    const row = rowOf(node, database);
    const acme = node.cache.tenant("acme");
    const times: number[] = [];
    server.pause();
    const until = performance.now() + FROZEN_MS;
    for (let i = 0; performance.now() < until; i++) {
      const reads = Array.from({ length: 10 }, async (_, j) => {
        const before = performance.now();
        await acme.get(row, `${i} ${j}`);
        times.push(performance.now() - before);
      });
      await Promise.all(reads);
    }
    server.resume();
    times.sort((a, b) => a - b);
    expect(times[Math.floor(times.length * 0.99)]).toBeLessThan(TIMEOUT_MS + LOAD_MS + 20);
    await untilServed(node);
    await acme.get(row, "after");
    await expect.poll(() => acme.peek(row, "after")).toBe(0);
    const detail = await other.cache.tenant("acme").getWithInfo(rowOf(other, database), "after");
    expect(detail.source).toBe("store");
  });

  it("that restarts empty, or with its old data, revives no value that was invalidated meanwhile", async () => {
    const database = createDatabase(() => 0);
    const [mine, theirs] = [node.cache.tenant("restart"), other.cache.tenant("restart")];
    const [row, theirRow] = [rowOf(node, database), rowOf(other, database)];
    await mine.get(row, "a");
    await theirs.get(theirRow, "a");
    await server.kill();
    const truth = database.change("a");
    expect(await mine.invalidate(row, "a")).toEqual({ state: "queued" });
    expect(await mine.get(row, "a")).toBe(truth);
    await expect(mine.invalidate(row, "a", { require: "applied" })).rejects.toMatchObject({ code: "SCALE_STORE" });
    await server.restart();
    await expect.poll(() => node.cache.health().queuedInvalidations, { timeout: 10_000 }).toBe(0);
    await untilServed(node, other);
    await sleep(30);
    expect([await mine.get(row, "a"), await theirs.get(theirRow, "a")]).toEqual([truth, truth]);
  });

  it("that forgets its scripts, or is flushed, still answers", async () => {
    const database = createDatabase(() => 0);
    const row = rowOf(node, database);
    const acme = node.cache.tenant("flush");
    expect(await acme.get(row, "a")).toBe(0);
    await node.redis.script("FLUSH");
    await node.redis.flushall();
    expect(await acme.invalidate(row, "a")).toEqual({ state: "applied" });
    expect(await acme.get(row, "a")).toBe(0);
    expect(database.loads()).toBe(2);
  });
});
