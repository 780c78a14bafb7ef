import { deadline, tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { collect, idle, openQueue, startWorker } from "../../test/fixture.js";
import { type JobAbandoned, jobAbandon, jobFinish, type JobFinished, jobStart } from "../events.js";
import { createWorker } from "./worker.js";

const hang = () => new Promise<never>(() => undefined);

describe("a handler", () => {
  it("gets the data, the tenant, the user and the attempt of its job", async () => {
    const seen: unknown[] = [];
    const { clock, queue } = startWorker({
      mail: (job) => {
        const { id, signal, enqueuedAt, remainingMs, ...rest } = { ...job };
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
    const { clock, queue } = startWorker({ mail: () => void left.push(deadline.remainingMs()) });
    await tenancy.run({ tenantId: "request" }, () =>
      deadline.run(50, () => queue.enqueue("mail", { to: "x" }, { tenantId: "acme" })),
    );
    await clock.settle();
    expect(left).toEqual([30_000]);
  });

  it("has the time until the deadline of the job, if that is shorter than its timeout", async () => {
    const left: number[] = [];
    const { clock, queue } = startWorker({ urgent: () => void left.push(deadline.remainingMs()) });
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
    const { clock, mail, queue } = startWorker({ mail: () => void seen.push(current) }, { trace });
    const { id } = await mail("x");
    current = undefined;
    await clock.settle();
    expect(seen).toEqual(["enqueue"]);
    expect(await queue.get(id)).toMatchObject({ traceparent: "enqueue", tracestate: "a=b" });
  });

  it("leaves the result of its output schema", async () => {
    const { clock, queue } = startWorker({ report: () => ({ pages: 7, secret: "x" }) });
    const { id } = await queue.enqueue("report", 1, { tenantId: "acme" });
    await clock.settle();
    expect(await queue.get(id)).toMatchObject({ state: "completed", output: '{"pages":7}' });
  });

  it("that returns a wrong result makes the job dead: another attempt would repeat its effects", async () => {
    let runs = 0;
    const { clock, queue } = startWorker({ report: () => (runs++, { pages: "7" }) as never });
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

describe("a job that takes too long", () => {
  it("has its signal aborted at the timeout, and fails", async () => {
    const reasons: unknown[] = [];
    const { clock, mail, queue } = startWorker({
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
    const { clock, mail, queue } = startWorker({
      mail: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(1))),
    });
    const { id } = await mail("x");
    await clock.advance(30_000);
    expect(await queue.get(id)).toMatchObject({ state: "completed" });
  });

  it("is left alone a second later when its handler ignores the signal", async () => {
    const { clock, mail, queue, worker } = startWorker({ mail: hang });
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
    const { clock, mail, queue } = startWorker({
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
    const { clock, mail, queue } = startWorker({ mail: hang }, { concurrency: 1 });
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
    const { clock, mail } = startWorker({
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
