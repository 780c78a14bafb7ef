import { deadline, tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { collect, jobs, openQueue } from "../../test/fixture.js";
import { Permanent, RetryAfter, TenantThrottled } from "../errors.js";
import { type JobAbandoned, jobAbandon, jobFinish, type JobFinished, jobStart } from "../events.js";
import { defineJobs, job } from "../jobs/define.js";
import { memoryStore } from "../memory/store.js";
import type { QueueOptions } from "../queue/options.js";
import { createQueue } from "../queue/queue.js";
import type { Queue } from "../queue/types.js";
import { virtualClock } from "../testing/virtual-clock.js";
import type { Handlers, WorkerOptions } from "./types.js";
import { createWorker } from "./worker.js";

const idle: Handlers<typeof jobs> = {
  mail: () => undefined,
  keyed: () => undefined,
  report: () => ({ pages: 1 }),
  urgent: () => undefined,
};

function start(handlers: Partial<Handlers<typeof jobs>> = {}, options: WorkerOptions & Partial<QueueOptions> = {}) {
  const { concurrency, leaseMs, random = () => 0.5, ...rest } = options;
  const { queue, clock } = openQueue(rest);
  const worker = createWorker(
    queue,
    { ...idle, ...handlers },
    {
      random,
      ...(concurrency !== undefined && { concurrency }),
      ...(leaseMs !== undefined && { leaseMs }),
    },
  );
  const mail = (to: string, more: object = {}) => queue.enqueue("mail", { to }, { tenantId: "acme", ...more });
  return { queue, clock, worker, mail };
}

/** A queue whose second process is newer code. */
const hang = () => new Promise<never>(() => undefined);

describe("a handler", () => {
  it("gets the data, the tenant, the user and the attempt of its job", async () => {
    const seen: unknown[] = [];
    const { clock, queue } = start({
      mail: ({ id, signal, enqueuedAt, remainingMs, ...rest }) => {
        expect(id).toMatch(/^[0-9a-f-]{36}$/);
        seen.push({ ...rest, current: tenancy.current(), leftMs: remainingMs(), aborted: signal.aborted });
        expect(enqueuedAt.getTime()).toBe(clock.now());
      },
    });
    await tenancy.run({ tenantId: "acme", userId: "u1" }, () => queue.enqueue("mail", { to: "x" }));
    await clock.settle();
    expect(seen).toEqual([
      {
        ...{ name: "mail", data: { to: "x" }, tenantId: "acme", userId: "u1", attempt: 1, maxAttempts: 3 },
        ...{ current: { tenantId: "acme", userId: "u1" }, leftMs: 30_000, aborted: false },
      },
    ]);
  });

  it("runs outside of the context of the request that enqueued the job", async () => {
    const left: number[] = [];
    const { clock, queue } = start({ mail: () => void left.push(deadline.remainingMs()) });
    await tenancy.run({ tenantId: "request" }, () =>
      deadline.run(50, () => queue.enqueue("mail", { to: "x" }, { tenantId: "acme" })),
    );
    await clock.settle();
    expect(left).toEqual([30_000]);
  });

  it("has the time until the deadline of the job, if that is shorter than its timeout", async () => {
    const left: number[] = [];
    const { clock, queue } = start({ urgent: () => void left.push(deadline.remainingMs()) });
    await queue.enqueue("urgent", null, { tenantId: "acme" });
    await clock.settle();
    expect(left).toEqual([10_000]);
  });

  it("runs in the trace of the enqueue", async () => {
    let current: string | undefined = "enqueue";
    const run = <T>(trace: { traceparent: string }, fn: () => T): T => {
      current = trace.traceparent;
      return fn();
    };
    const trace = {
      current: () => (current === undefined ? undefined : { traceparent: current, tracestate: "a=b" }),
      run,
    };
    const seen: unknown[] = [];
    const { clock, mail, queue } = start({ mail: () => void seen.push(current) }, { trace });
    const { id } = await mail("x");
    current = undefined;
    await clock.settle();
    expect(seen).toEqual(["enqueue"]);
    expect(await queue.get(id)).toMatchObject({ traceparent: "enqueue", tracestate: "a=b" });
  });

  it("leaves the result of its output schema", async () => {
    const { clock, queue } = start({ report: () => ({ pages: 7, secret: "x" }) });
    const { id } = await queue.enqueue("report", 1, { tenantId: "acme" });
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "completed", output: '{"pages":7}' });
  });

  it("that returns a wrong result makes the job dead: another attempt would repeat its effects", async () => {
    let runs = 0;
    const { clock, queue } = start({ report: () => (runs++, { pages: "7" }) as never });
    const { id } = await queue.enqueue("report", 1, { tenantId: "acme" });
    await clock.advance(60_000);
    expect(await queue.get(id)).toMatchObject({
      state: "dead",
      deadReason: "invalid",
      failure: { name: "InvalidJob" },
    });
    expect(runs).toBe(1);
  });
});

describe("a failed attempt", () => {
  it("is repeated with back-off until the attempts are used up", async () => {
    const startedMs: number[] = [];
    const { clock, mail, queue } = start({
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

  it("is the last after Permanent", async () => {
    const { clock, mail, queue } = start({
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
    const { clock, mail } = start({
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
    const { clock, mail } = start(
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
    const { clock, mail, queue } = start({
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
    const { clock, mail, queue } = start({ mail: () => Promise.reject(thrown) });
    const { id } = await mail("x");
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "delayed", failure });
  });
});

describe("a job that is not run", () => {
  it("is dead when its deadline has passed", async () => {
    const { clock, queue, worker } = start();
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

describe("a job that takes too long", () => {
  it("has its signal aborted at the timeout, and fails", async () => {
    const reasons: unknown[] = [];
    const { clock, mail, queue } = start({
      mail: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(new Error("aborted"));
          });
        }),
    });
    const { id } = await mail("x");
    await clock.advance(30_000);
    expect(reasons).toMatchObject([{ code: "SCALE_JOB_TIMEOUT", timeoutMs: 30_000 }]);
    expect(await queue.get(id)).toMatchObject({ state: "delayed", attemptsMade: 1, failure: { name: "JobTimeout" } });
  });

  it("completes when its handler still ends in time", async () => {
    const { clock, mail, queue } = start({
      mail: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(1))),
    });
    const { id } = await mail("x");
    await clock.advance(30_000);
    expect(await queue.get(id)).toMatchObject({ state: "completed" });
  });

  it("is left alone a second later when its handler ignores the signal", async () => {
    const { clock, mail, queue, worker } = start({ mail: hang });
    const { id } = await mail("x");
    const abandoned = await collect<JobAbandoned>(jobAbandon, () => clock.advance(31_000));
    expect(abandoned).toMatchObject([
      { tenantId: "acme", job: "mail", id, attempt: 1, reason: { code: "SCALE_JOB_TIMEOUT" } },
    ]);
    expect(worker.running).toBe(0);
    expect(await queue.get(id)).toMatchObject({ state: "delayed", attemptsMade: 1 });
  });
});

describe("cancel", () => {
  it("aborts the handler, and is the outcome whatever the handler does", async () => {
    const outcomes: string[] = [];
    const { clock, mail, queue } = start({
      mail: ({ signal, data: { to } }) =>
        new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => (to === "completes" ? resolve(1) : reject(signal.reason as Error)));
        }),
    });
    const ids = [(await mail("completes")).id, (await mail("throws")).id];
    await clock.settle();
    const events = await collect<JobFinished>(jobFinish, async () => {
      for (const id of ids) outcomes.push(await queue.cancel(id));
      await clock.settle();
    });
    expect(outcomes).toEqual(["cancelling", "cancelling"]);
    expect(events.map(({ outcome }) => outcome)).toEqual(["cancelled", "cancelled"]);
    expect(await queue.list({ state: "cancelled" })).toMatchObject({ items: [{}, {}] });
  });

  it("takes all jobs of a tenant away", async () => {
    const { clock, mail, queue } = start({ mail: hang }, { concurrency: 1 });
    await Promise.all(Array.from({ length: 600 }, () => mail("x")));
    await mail("x", { tenantId: "other", delay: "1h" });
    await clock.settle();
    expect(await queue.cancel({ tenantId: "acme" })).toEqual({ cancelled: 599, cancelling: 1 });
    expect(await queue.counts()).toMatchObject({ waiting: 0, delayed: 1 });
    await expect(queue.cancel(7 as never)).rejects.toThrow(/expected an id or/);
  });
});

describe("events", () => {
  it("tell the wait, the time and the outcome of each attempt", async () => {
    const { clock, mail } = start({
      mail: async ({ attempt }) => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 500));
        if (attempt === 1) throw new Error("no");
      },
    });
    let id = "";
    let starts: unknown[] = [];
    const finishes = await collect(jobFinish, async () => {
      starts = await collect(jobStart, async () => {
        ({ id } = await mail("x", { delay: "1m" }));
        await clock.advance(120_000);
      });
    });
    const base = { tenantId: "acme", queue: "default", job: "mail", id };
    expect(starts).toEqual([
      { ...base, attempt: 1, waitMs: 0 },
      { ...base, attempt: 2, waitMs: 0 },
    ]);
    expect(finishes).toMatchObject([
      { ...base, attempt: 1, outcome: "retry", ms: 500, failure: { message: "no" } },
      { ...base, attempt: 2, outcome: "completed", ms: 500 },
    ]);
  });
});

describe("createWorker", () => {
  it.each([
    [{ mail: () => 1 }, {}, /keyed: expected a function/],
    [{ ...idle, other: () => 1 }, {}, /handlers of the jobs of the queue, got one of "other"/],
    [idle, { concurrency: 0 }, /concurrency.*got 0/],
    [idle, { leaseMs: 10 }, /leaseMs.*got 10/],
    [idle, { lease: "10s" }, /lease/],
  ])("names what is wrong: %#", (handlers, options, message) => {
    expect(() => createWorker(openQueue().queue, handlers as never, options as never)).toThrow(message);
  });
});
