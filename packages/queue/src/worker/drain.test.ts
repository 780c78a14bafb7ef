import { describe, expect, it } from "vitest";
import { collect, jobs, openQueue } from "../../test/fixture.js";
import { workerDrain } from "../events.js";
import { memoryStore } from "../memory/store.js";
import { createQueue } from "../queue/queue.js";
import type { Consumer } from "../store.js";
import { virtualClock } from "../testing/virtual-clock.js";
import type { Handlers } from "./types.js";
import { createWorker } from "./worker.js";

const hang = () => new Promise<never>(() => undefined);
const handlers = (mail: Handlers<typeof jobs>["mail"]): Handlers<typeof jobs> => ({
  mail,
  keyed: () => undefined,
  report: () => ({ pages: 1 }),
  urgent: () => undefined,
});

function open() {
  const { queue, clock } = openQueue();
  const mail = (to: string) => queue.enqueue("mail", { to }, { tenantId: "acme" });
  const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
  return { queue, clock, mail, sleep };
}

describe("drain", () => {
  it("waits for the jobs that run, and starts no others", async () => {
    const { queue, clock, mail, sleep } = open();
    const worker = createWorker(
      queue,
      handlers(() => sleep(500)),
      { concurrency: 1 },
    );
    const ids = [(await mail("a")).id, (await mail("b")).id];
    await clock.settle();
    const drains = worker.drain({ deadlineMs: 10_000 });
    const [event] = await collect(workerDrain, async () => {
      await clock.advance(500);
      expect(await drains).toEqual({ finished: 1, handedBack: 0, abandoned: 0, ms: 500 });
    });
    expect(event).toEqual({ queue: "default", finished: 1, handedBack: 0, abandoned: 0, ms: 500 });
    await clock.advance(10_000);
    const states = await Promise.all(ids.map(async (id) => (await queue.get(id))?.state));
    expect(states).toEqual(["completed", "waiting"]);
  });

  it("ends at once without jobs", async () => {
    const { queue, clock } = open();
    const worker = createWorker(queue, handlers(hang));
    const drains = worker.drain({ deadlineMs: 10_000 });
    await clock.settle();
    expect(await drains).toMatchObject({ ms: 0 });
  });

  it("aborts the signals at the deadline, and hands the jobs back without an attempt", async () => {
    const { queue, clock, mail } = open();
    const reasons: unknown[] = [];
    const worker = createWorker(
      queue,
      handlers(
        ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => {
              reasons.push(signal.reason);
              reject(signal.reason as Error);
            });
          }),
      ),
    );
    const { id } = await mail("a");
    await clock.settle();
    const drains = worker.drain({ deadlineMs: 1000 });
    await clock.advance(1000);
    expect(await drains).toEqual({ finished: 0, handedBack: 1, abandoned: 0, ms: 1000 });
    expect(reasons).toMatchObject([{ code: "SCALE_WORKER_DRAINING" }]);
    expect(await queue.get(id)).toMatchObject({ state: "waiting", attemptsMade: 0, crashes: 0 });
  });

  it("resolves within 500 ms of the deadline when a handler hangs, and its job runs elsewhere", async () => {
    const { queue, clock, mail } = open();
    const worker = createWorker(queue, handlers(hang));
    const { id } = await mail("a");
    await clock.settle();
    const drains = worker.drain({ deadlineMs: 1000 });
    await clock.advance(1500);
    const report = await drains;
    expect(report).toMatchObject({ finished: 0, handedBack: 1, abandoned: 1 });
    expect(report.ms).toBeLessThanOrEqual(1500);
    const seen: number[] = [];
    createWorker(
      queue,
      handlers(({ attempt }) => void seen.push(attempt)),
    );
    await clock.settle();
    expect(seen).toEqual([1]);
    expect(await queue.get(id)).toMatchObject({ state: "completed" });
  });

  it("cuts the grace of a job that has timed out before", async () => {
    const { queue, clock, mail } = open();
    const worker = createWorker(queue, handlers(hang));
    await mail("a");
    await clock.advance(30_000);
    const drains = worker.drain({ deadlineMs: 0 });
    await clock.advance(500);
    expect((await drains).ms).toBeLessThanOrEqual(500);
  });

  it("has one result for several calls, at the earliest of their deadlines", async () => {
    const { queue, clock, mail } = open();
    const worker = createWorker(queue, handlers(hang));
    await mail("a");
    await clock.settle();
    const slow = worker.drain({ deadlineMs: 60_000 });
    const fast = worker.drain({ deadlineMs: 100 });
    const later = worker.drain({ deadlineMs: 90_000 });
    await clock.advance(600);
    const [first, ...others] = await Promise.all([slow, fast, later]);
    expect(first.ms).toBeLessThanOrEqual(600);
    for (const other of others) expect(other).toBe(first);
  });

  it.each([Number.NaN, -1, "1s"])("refuses the deadline %j", async (deadlineMs) => {
    const worker = createWorker(open().queue, handlers(hang));
    await expect(worker.drain({ deadlineMs: deadlineMs as number })).rejects.toThrow(
      /deadlineMs: expected a number >= 0/,
    );
  });

  it.each<[string, Partial<Consumer>]>([
    ["never stops", { stop: hang, close: hang }],
    ["never closes", { close: hang }],
    ["rejects", { stop: () => Promise.reject(new Error("down")), close: () => Promise.reject(new Error("down")) }],
    ["throws", { close: () => { throw new Error("down"); } }], // biome-ignore format: one line a case
  ])("resolves when the store %s", async (_what, broken) => {
    const clock = virtualClock();
    const store = memoryStore({ durability: "none", clock });
    const queue = createQueue(jobs, {
      store: {
        open(options) {
          const stored = store.open(options);
          return { ...stored, consume: (...args) => ({ ...stored.consume(...args), ...broken }) };
        },
      },
    });
    const worker = createWorker(queue, handlers(hang));
    await queue.enqueue("mail", { to: "a" }, { tenantId: "acme" });
    await clock.settle();
    const drains = worker.drain({ deadlineMs: 1000 });
    await clock.advance(1500);
    expect((await drains).ms).toBeLessThanOrEqual(1500);
  });
});
