import { describe, expect, it } from "vitest";
import { jobs } from "../../test/fixture.js";
import { createQueue } from "../queue/queue.js";
import { virtualClock } from "../testing/virtual-clock.js";
import type { Handlers } from "../worker/types.js";
import { createWorker } from "../worker/worker.js";
import { inlineStore } from "./inline-store.js";

const tenant = { tenantId: "acme" };

function open(mail: Handlers<typeof jobs>["mail"], timeoutMs = 500) {
  const clock = virtualClock();
  const queue = createQueue(jobs, { store: inlineStore({ durability: "none", clock }), timeoutMs });
  const start = () =>
    createWorker(
      queue,
      { mail, keyed: () => undefined, report: () => ({ pages: 1 }), urgent: () => undefined },
      { concurrency: 1 },
    );
  return { queue, clock, start };
}

describe("inlineStore", () => {
  it("has run the job when enqueue resolves, with any number at once", async () => {
    let runs = 0;
    const { queue, start } = open(async () => {
      await new Promise((resolve) => void setImmediate(resolve));
      runs += 1;
    });
    start();
    const { id } = await queue.enqueue("mail", { to: "x" }, tenant);
    expect(runs).toBe(1);
    expect(await queue.get(id)).toMatchObject({ state: "completed" });
    await Promise.all(Array.from({ length: 5 }, () => queue.enqueue("mail", { to: "x" }, tenant)));
    expect(runs).toBe(6);
  });

  it("lets a job take longer than the deadline of a store", async () => {
    const { queue, start } = open(async () => {
      // Real time: the deadline of the queue is in real time too.
      const endMs = performance.now() + 5;
      while (performance.now() < endMs) await new Promise((resolve) => void setImmediate(resolve));
    }, 1);
    start();
    await expect(queue.enqueue("mail", { to: "x" }, tenant)).resolves.toMatchObject({ deduplicated: false });
  });

  it("resolves when the attempt failed, and repeats it later", async () => {
    let runs = 0;
    const { queue, start, clock } = open(() => {
      runs += 1;
      if (runs === 1) throw new Error("no");
    });
    start();
    const { id } = await queue.enqueue("mail", { to: "x" }, tenant);
    expect(await queue.get(id)).toMatchObject({ state: "delayed", attemptsMade: 1 });
    await clock.advance(1000);
    expect(await queue.get(id)).toMatchObject({ state: "completed" });
  });

  it("runs delayed jobs and those of a paused tenant later", async () => {
    let runs = 0;
    const { queue, start, clock } = open(() => void (runs += 1));
    start();
    await queue.enqueue("mail", { to: "x" }, { ...tenant, delay: "1m" });
    await queue.tenants.pause("acme");
    await queue.enqueue("mail", { to: "x" }, tenant);
    expect(runs).toBe(0);
    await queue.tenants.resume("acme");
    await clock.settle();
    expect(runs).toBe(1);
    await clock.advance(60_000);
    expect(runs).toBe(2);
  });

  it("rejects an enqueue without a worker in this process", async () => {
    const { queue, start } = open(() => undefined);
    await expect(queue.enqueue("mail", { to: "x" }, tenant)).rejects.toMatchObject({
      code: "SCALE_STORE",
      notSent: true,
    });
    await expect(queue.enqueue("mail", { to: "x" }, tenant)).rejects.toThrow(/expected a worker in this process/);
    start();
    await expect(queue.enqueue("mail", { to: "x" }, tenant)).resolves.toBeDefined();
  });
});
