import { createManualClock } from "@scale/core/testing";
import { waitUntil } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { UndoQueue } from "./undo-queue.js";

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("UndoQueue", () => {
  it("repeats a task until it succeeds, and returns the error of the first attempt", async () => {
    const undo = new UndoQueue(createManualClock());
    let attempts = 0;
    const run = async (): Promise<void> => {
      if (++attempts < 3) throw new Error(`attempt ${attempts}`);
    };
    expect(await undo.run({ run, until: 1000, isUncertain: false })).toEqual(new Error("attempt 1"));
    await waitUntil(() => attempts === 3, { what: "three attempts" });
    await later(450);
    expect(attempts).toBe(3);
  });

  it("gives up when there is nothing to take back any more", async () => {
    const clock = createManualClock();
    const undo = new UndoQueue(clock);
    let attempts = 0;
    const run = async (): Promise<void> => {
      attempts++;
      clock.advance(600);
      throw new Error("down");
    };
    await undo.run({ run, until: 1000, isUncertain: false });
    await later(700);
    expect(attempts).toBe(2);
  });

  it("runs an uncertain task once more after its success", async () => {
    const undo = new UndoQueue(createManualClock());
    let runs = 0;
    expect(await undo.run({ run: () => void runs++, until: 1000, isUncertain: true })).toBeUndefined();
    await waitUntil(() => runs === 2, { what: "the second run", timeoutMs: 3000 });
    await later(300);
    expect(runs).toBe(2);
  });

  it("attempts a part of many tasks while all of them fail, and all of them when they succeed", async () => {
    const undo = new UndoQueue(createManualClock());
    let isDown = true;
    let attempts = 0;
    const done = new Set<number>();
    const task = (i: number) => ({
      run: async () => {
        attempts++;
        if (isDown) throw new Error("down");
        done.add(i);
      },
      ...{ until: 1000, isUncertain: false },
    });
    await Promise.all(Array.from({ length: 100 }, (_, i) => undo.run(task(i))));
    attempts = 0;
    await later(300);
    expect(attempts).toBeGreaterThan(0);
    expect(attempts).toBeLessThan(50);
    isDown = false;
    await waitUntil(() => done.size === 100, { what: "all tasks", timeoutMs: 1000 });
  });

  it("does nothing after close", async () => {
    const undo = new UndoQueue(createManualClock());
    let attempts = 0;
    const run = async (): Promise<void> => {
      attempts++;
      throw new Error("down");
    };
    await undo.run({ run, until: 1000, isUncertain: false });
    undo.close();
    await undo.run({ run, until: 1000, isUncertain: false });
    await later(300);
    expect(attempts).toBe(2);
  });
});
