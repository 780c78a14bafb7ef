import { describe, expect, it } from "vitest";
import { z } from "zod";
import { idle, jobs, openQueue, startWorker } from "../../test/fixture.js";
import { Permanent, RetryAfter, TenantThrottled } from "../errors.js";
import { defineJobs, job } from "../jobs/define.js";
import { memoryStore } from "../memory/store.js";
import { createQueue } from "../queue/queue.js";
import type { Queue } from "../queue/types.js";
import { virtualClock } from "../testing/virtual-clock.js";
import { createWorker } from "./worker.js";

const hang = () => new Promise<never>(() => undefined);
const fail = (): never => {
  throw new Error("a trap");
};

function cyclicError(): Error {
  const message: Record<string, unknown> = {};
  message["self"] = message;
  return Object.assign(new Error("x"), { message });
}

const throwingError = (): Error => Object.defineProperty(new Error("x"), "message", { get: fail });

describe("a failed attempt", () => {
  it("is repeated with back-off until the attempts are used up", async () => {
    const startedMs: number[] = [];
    const { clock, mail, queue } = startWorker({
      mail: () => {
        startedMs.push(clock.monotonic());
        throw new Error(`no ${startedMs.length}`);
      },
    });
    const { id } = await mail("x");
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "delayed", attemptsMade: 1, failure: { message: "no 1" } });
    await clock.advance(60_000);
    expect(startedMs).toEqual([0, 1000, 3000]);
    expect(await queue.get(id)).toMatchObject({
      state: "dead",
      deadReason: "attempts",
      attemptsMade: 3,
      failure: { message: "no 3" },
    });
  });

  it("has a delay with full jitter", async () => {
    const jittered = defineJobs({ a: job({ input: z.null(), attempts: 2, backoff: { kind: "fixed", delay: "10s" } }) });
    const clock = virtualClock();
    const queue = createQueue(jittered, { store: memoryStore({ durability: "none", clock }) });
    const startedMs: number[] = [];
    const fail = () => {
      startedMs.push(clock.monotonic());
      throw new Error("no");
    };
    createWorker(queue, { a: fail }, { random: () => 0.25 });
    await queue.enqueue("a", null, { tenantId: "acme" });
    await clock.advance(60_000);
    expect(startedMs).toEqual([0, 2500]);
  });

  it.each([
    ["an array as its message", Object.assign(new Error("x"), { message: ["a", "b"] }), '["a","b"]'],
    ["a bigint as its message", Object.assign(new Error("x"), { message: 10n }), "10n"],
    ["a cycle as its message", cyclicError(), "[object Object]"],
    ["an object as its name", Object.assign(new Error("x"), { name: { a: 1 } }), "x"],
    ["no error at all", undefined, "undefined"],
    ["a getter that throws", throwingError(), "an error that cannot be read"],
    ["a proxy that throws", new Proxy({}, { has: () => fail(), get: () => fail() }), "an error that cannot be read"],
  ])("is stored as strings when the handler throws %s", async (_what, thrown, message) => {
    const { clock, mail, queue } = startWorker({
      mail: () => {
        // oxlint-disable-next-line typescript/only-throw-error -- handlers throw anything
        throw thrown;
      },
    });
    const { id } = await mail("x");
    await clock.advance(60_000);
    const failure = (await queue.get(id))?.failure;
    expect(failure?.message).toBe(message);
    expect(typeof failure?.name).toBe("string");
    expect(await queue.get(id)).toMatchObject({ state: "dead", deadReason: "attempts" });
  });

  it("is the last after Permanent", async () => {
    const { clock, mail, queue } = startWorker({
      mail: () => {
        throw new Permanent("card declined");
      },
    });
    const { id } = await mail("x");
    await clock.advance(60_000);
    expect(await queue.get(id)).toMatchObject({ state: "dead", deadReason: "permanent", attemptsMade: 1 });
  });

  it("is repeated after the delay of RetryAfter, and counts", async () => {
    const startedMs: number[] = [];
    const { clock, mail } = startWorker({
      mail: ({ attempt }) => {
        startedMs.push(clock.monotonic(), attempt);
        if (attempt === 1) throw new RetryAfter("20s");
      },
    });
    await mail("x");
    await clock.advance(60_000);
    expect(startedMs).toEqual([0, 1, 20_000, 2]);
  });

  it("of a throttled tenant does not count, and keeps only its tenant waiting", async () => {
    const seen: string[] = [];
    const { clock, mail } = startWorker(
      {
        mail: ({ data: { to }, attempt }) => {
          seen.push(`${to}${attempt}@${clock.monotonic()}`);
          if (clock.monotonic() === 0 && to === "a") throw new TenantThrottled("1m");
        },
      },
      { concurrency: 1 },
    );
    await mail("a");
    await mail("b");
    await mail("c", { tenantId: "other" });
    await clock.advance(120_000);
    expect(seen).toEqual(["a1@0", "c1@0", "a1@60000", "b1@60000"]);
  });

  it("that would be repeated after the deadline makes the job dead", async () => {
    const { clock, mail, queue } = startWorker({
      mail: () => {
        throw new RetryAfter("1m");
      },
    });
    const { id } = await mail("x", { deadline: "30s" });
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "dead", deadReason: "expired", attemptsMade: 1 });
  });

  it.each([
    ["no error", undefined, { name: "Error", message: "undefined" }],
    ["a string", "no", { name: "Error", message: '"no"' }],
    ["an error that throws", new Proxy(new Error("x"), { get: () => { throw new Error("y"); } }), { message: "an error that cannot be read" }], // biome-ignore format: one line a case
    ["a long message", new Error("x".repeat(10_000)), { message: `${"x".repeat(2000)}…` }],
  ])("is kept when the handler throws %s", async (_what, thrown, failure) => {
    const { clock, mail, queue } = startWorker({ mail: () => Promise.reject(thrown) });
    const { id } = await mail("x");
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "delayed", failure });
  });
});

describe("a job that is not run", () => {
  it("is dead when its deadline has passed", async () => {
    const { clock, queue, worker } = startWorker();
    await queue.tenants.pause("acme");
    const { id } = await queue.enqueue("urgent", null, { tenantId: "acme" });
    await clock.advance(10_000);
    await queue.tenants.resume("acme");
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "dead", deadReason: "expired", attemptsMade: 0 });
    expect(worker.running).toBe(0);
  });

  it("is dead after more crashes than it may have, and tells so", async () => {
    const { queue, clock } = openQueue();
    const { id } = await queue.enqueue("mail", { to: "x" }, { tenantId: "acme" });
    let runs = 0;
    for (let crash = 0; crash < 4; crash++) {
      const consumer = queue.stored.consume(
        { run: () => ((runs += 1), hang()), settled: () => undefined, failed: () => undefined },
        { concurrency: 1, leaseMs: 1000 },
      );
      await clock.settle();
      await consumer.close();
      await clock.advance(2000);
    }
    createWorker(queue, { ...idle, mail: () => void (runs += 100) });
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "dead", deadReason: "poison", crashes: 4, attemptsMade: 0 });
    expect(runs).toBe(4);
  });

  it("is dead when its payload does not match the schema of this code", async () => {
    const clock = virtualClock();
    const store = memoryStore({ durability: "none", clock });
    const old = createQueue(defineJobs({ a: job({ input: z.string() }) }), { store });
    const queue = createQueue(defineJobs({ a: job({ input: z.number() }) }), { store });
    let runs = 0;
    createWorker(queue, { a: () => void (runs += 1) });
    const { id } = await old.enqueue("a", "x", { tenantId: "acme" });
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "dead", deadReason: "invalid" });
    expect((await queue.get(id))?.failure?.message).toMatch(/^data: /);
    expect(runs).toBe(0);
  });

  it("is brought to the version of this code by its migrations", async () => {
    const clock = virtualClock();
    const store = memoryStore({ durability: "none", clock });
    const old = createQueue(defineJobs({ report: job({ input: z.string(), version: 2 }) }), { store });
    const queue: Queue<typeof jobs> = createQueue(jobs, { store });
    const seen: unknown[] = [];
    createWorker(queue, { ...idle, report: ({ data }) => (seen.push(data), { pages: 1 }) });
    await old.enqueue("report", "42", { tenantId: "acme" });
    await clock.settle();
    expect(seen).toEqual([42]);
  });

  it.each([
    ["a later version", "report", { version: 4 }],
    ["another name", "export", { version: 1 }],
  ])("waits for newer code when it has %s, for an hour", async (_what, name, options) => {
    const clock = virtualClock();
    const store = memoryStore({ durability: "none", clock });
    const newer = createQueue(defineJobs({ [name]: job({ input: z.number(), ...options }) }), { store });
    const queue: Queue<typeof jobs> = createQueue(jobs, { store });
    createWorker(queue, idle);
    const { id } = await newer.enqueue(name, 1, { tenantId: "acme" });
    await clock.advance(60_000);
    expect(await queue.get(id)).toMatchObject({ state: "delayed", attemptsMade: 0, failure: { name: "UnknownJob" } });
    await clock.advance(3_600_000);
    expect(await queue.get(id)).toMatchObject({ state: "dead", deadReason: "unknown-job" });
  });
});
