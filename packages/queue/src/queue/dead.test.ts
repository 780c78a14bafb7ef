import { describe, expect, it } from "vitest";
import { jobs, openQueue } from "../../test/fixture.js";
import { Permanent } from "../errors.js";
import { createWorker } from "../worker/worker.js";

/** A queue with `count` dead jobs. */
async function openDead(count: number) {
  const { queue, clock } = openQueue();
  const fail = () => {
    throw new Permanent("no");
  };
  const worker = createWorker(queue, { mail: fail, keyed: fail, report: fail, urgent: fail }, { concurrency: 1000 });
  await queue.enqueueMany(
    Array.from(
      { length: count },
      (_, index) => ({ name: "mail", data: { to: String(index) }, tenantId: "acme" }) as const,
    ),
  );
  await clock.settle();
  expect(await queue.counts()).toMatchObject({ dead: count });
  return { queue, clock, worker, jobs };
}

describe("dead.redrive", () => {
  it("moves all jobs, in batches", async () => {
    const { queue, clock, worker } = await openDead(250);
    const drained = worker.drain({ deadlineMs: 0 });
    await clock.advance(10);
    await drained;
    expect(await queue.dead.redrive({ tenantId: "acme" })).toBe(250);
    expect(await queue.counts()).toMatchObject({ dead: 0, waiting: 250 });
    expect(await queue.dead.redrive()).toBe(0);
  });

  it("does not meet the jobs again that die while it runs", async () => {
    const { queue, clock } = await openDead(30);
    await clock.advance(10);
    const redriven = queue.dead.redrive({ ratePerSec: 20 });
    await clock.advance(60_000);
    expect(await redriven).toBe(30);
    expect(await queue.counts()).toMatchObject({ dead: 30 });
  });

  it("moves no more jobs in a second than its rate", async () => {
    const { queue, clock } = await openDead(50);
    await clock.advance(10);
    const redriven = queue.dead.redrive({ ratePerSec: 10, max: 40 });
    await clock.advance(1950);
    const moved =
      50 -
      (await queue.dead.list({ limit: 1000 })).items.filter(
        ({ startedAtMs }) => Number(startedAtMs) < clock.now() - 1955,
      ).length;
    expect(moved).toBeGreaterThanOrEqual(19);
    expect(moved).toBeLessThanOrEqual(21);
    await clock.advance(10_000);
    expect(await redriven).toBe(40);
  });

  it("ends with its signal", async () => {
    const { queue, clock } = await openDead(20);
    await clock.advance(10);
    const controller = new AbortController();
    const redriven = queue.dead.redrive({ ratePerSec: 1, signal: controller.signal });
    await clock.advance(1500);
    controller.abort();
    await clock.advance(1000);
    expect(await redriven).toBe(2);
  });

  it.each([{ max: 0 }, { ratePerSec: 0.5 }, { max: "all" }])("refuses %j", async (options) => {
    const { queue } = openQueue();
    await expect(queue.dead.redrive(options as never)).rejects.toThrow(/redrive: \w+: expected an integer >= 1/);
  });
});
