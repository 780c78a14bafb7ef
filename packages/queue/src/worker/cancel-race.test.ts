import { describe, expect, it } from "vitest";
import { z } from "zod";
import { jobFinish, type JobFinished } from "../events.js";
import { defineJobs, job } from "../jobs/define.js";
import { memoryStore } from "../memory/store.js";
import { createQueue } from "../queue/queue.js";
import type { CancelOutcome } from "../store.js";
import { virtualClock } from "../testing/virtual-clock.js";
import { createWorker } from "./worker.js";

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** State and final outcomes of a job, by the answer of its cancel. */
const EXPECTED: Readonly<Record<CancelOutcome, readonly unknown[]>> = {
  cancelled: ["cancelled", []],
  cancelling: ["cancelled", ["cancelled"]],
  finished: ["completed", ["completed"]],
  unknown: [],
};

describe("cancel at a random time", () => {
  it.each([1, 2, 3, 4, 5])("leaves each of 200 jobs with one outcome, seed %i", async (seed) => {
    const random = seeded(seed);
    const clock = virtualClock();
    const jobs = defineJobs({ a: job({ input: z.number(), attempts: 2, backoff: { kind: "fixed", delay: 20 } }) });
    const queue = createQueue(jobs, { store: memoryStore({ durability: "none", clock }) });
    const finished: JobFinished[] = [];
    const stop = jobFinish.subscribe((event) => void finished.push(event));
    const worker = createWorker(queue, {
      a: async ({ data: ms, attempt }) => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
        if (attempt === 1 && ms % 3 === 0) throw new Error("no");
      },
    });
    const answers = new Map<string, CancelOutcome>();
    for (let index = 0; index < 200; index++) {
      const tenantId = `t${index % 3}`;
      const options = { tenantId, ...(random() < 0.3 && { delay: 1 + Math.floor(random() * 50) }) };
      const { id } = await queue.enqueue("a", Math.floor(random() * 40), options);
      const cancel = async () => void answers.set(id, await queue.cancel(id));
      clock.setTimer(() => void cancel(), random() * 600);
    }
    await clock.advance(2000);
    stop();
    for (const [id, answer] of answers) {
      const outcomes = finished.filter((event) => event.id === id).map(({ outcome }) => outcome);
      const ended = outcomes.filter((outcome) => outcome === "completed" || outcome === "cancelled");
      const { state } = (await queue.get(id)) ?? {};
      expect([answer, state, ended]).toEqual([answer, ...EXPECTED[answer]]);
    }
    expect(answers.size).toBe(200);
    expect(new Set(answers.values())).toEqual(new Set(["cancelled", "cancelling", "finished"]));
    await worker.drain({ deadlineMs: 0 });
  });
});
