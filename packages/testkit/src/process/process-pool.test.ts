import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isAlive } from "./liveness.js";
import { type ProcessPool, startProcessPool } from "./process-pool.js";
import { ServerError } from "../server-error.js";

const script = new URL("../../fixtures/counter.worker.ts", import.meta.url);

describe("startProcessPool", () => {
  let pool: ProcessPool<unknown>;
  beforeAll(async () => {
    pool = await startProcessPool({ size: 3, script, args: new Map([["a", 1n]]) });
  });
  afterAll(() => pool.close());

  it("runs a TypeScript worker in processes of its own and gives each its index", async () => {
    const answers = await pool.all("who");
    expect(answers).toEqual(pool.pids.map((pid, index) => ({ pid, index, size: 3, args: new Map([["a", 1n]]) })));
    expect(new Set([process.pid, ...pool.pids]).size).toBe(4);
  });

  it("keeps the state of each process between messages", async () => {
    await pool.one(1, "count");
    expect(await pool.all("count")).toEqual([1, 2, 1]);
  });

  it("carries what structured clone carries", async () => {
    const message = { when: new Date(0), bytes: new Uint8Array([1, 2]), big: 2n ** 70n };
    expect(await pool.one(0, message)).toEqual(message);
  });

  it("starts every handler at the same moment", async () => {
    const spreads: number[] = [];
    for (let i = 0; i < 5; i++) {
      const starts = ((await pool.all("clock")) as bigint[]).map(Number);
      spreads.push((Math.max(...starts) - Math.min(...starts)) / 1e6);
    }
    expect(Math.min(...spreads)).toBeLessThan(10); // A busy machine delays some process now and then.
  });

  it("rejects with what a handler throws", async () => {
    const error = await pool.one(2, "fail").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ message: "worker 2: no such thing", cause: { name: "TypeError" } });
    await expect(pool.all("fail")).rejects.toThrow("worker 0: no such thing");
    expect(await pool.one(2, "hello")).toBe("hello");
  });

  it("rejects when a reply cannot be carried", async () => {
    await expect(pool.one(0, "function")).rejects.toThrow("could not be cloned");
  });

  it("knows no worker beyond its size", async () => {
    await expect(pool.one(3, "who")).rejects.toThrow("no worker 3 in a pool of 3");
  });

  it("types replies by the parser it is given", async () => {
    const numbers = await startProcessPool({ size: 1, script, parse: Number });
    const count: number = await numbers.one(0, "count");
    expect(count).toBe(1);
    await numbers.close();
  });
});

describe("a process of a pool that dies", () => {
  it("rejects what it was asked and leaves the others working", async () => {
    const pool = await startProcessPool({ size: 2, script });
    const [first] = pool.pids;
    const open = pool.one(0, "hang").catch((error: unknown) => error);
    await pool.kill(0);
    expect(await open).toMatchObject({ message: "worker 0 ended with SIGKILL" });
    expect(isAlive(first ?? 0)).toBe(false);
    expect(pool.pids).toEqual([undefined, expect.any(Number)]);
    await expect(pool.one(0, "who")).rejects.toThrow("worker 0 is dead");
    expect(await pool.all("hello")).toEqual(["hello"]);
    await expect(pool.all("exit")).rejects.toThrow("worker 1 ended with code 3");
    expect(await pool.all("hello")).toEqual([]);
    await pool.close();
  });

  it("rejects the start of a pool whose worker cannot be loaded", async () => {
    const missing = new URL("../fixtures/none.worker.ts", import.meta.url);
    await expect(startProcessPool({ size: 1, script: missing })).rejects.toThrow("none.worker.ts");
  });

  it("is gone, with the others, after close", async () => {
    const pool = await startProcessPool({ size: 2, script });
    const pids = pool.pids.map(Number);
    await pool.close();
    await pool.close();
    expect(pids.some(isAlive)).toBe(false);
  });
});
