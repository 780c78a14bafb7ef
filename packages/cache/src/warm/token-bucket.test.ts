import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { createPace } from "./token-bucket.js";

const never = new AbortController().signal;
const soon = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe("createPace", () => {
  it.each([1, 3, 9.5, 40, 200, 700])("lets through at most %d in any second, and nearly as many", async (perSecond) => {
    const clock = createManualClock();
    const pace = createPace(perSecond, clock);
    const random = seededRandom(20_261_120);
    const times: number[] = [];
    const seconds = 4;
    const step = 1000 / perSecond / 4;
    const count = Math.min(pace.most, 1 + Math.floor(random() * pace.most));
    const state = { isOver: false };
    const worker = async (): Promise<void> => {
      while (!state.isOver) {
        await pace.take(count, never);
        for (let i = 0; i < count; i++) times.push(clock.monotonic());
      }
    };
    void worker();
    void worker();
    for (let at = 0; at < seconds * 1000; at += step) {
      clock.advance(step);
      // Wakes who sleeps, and takes nothing.
      pace.giveBack(0);
      await soon();
    }
    state.isOver = true;
    for (const [i, from] of times.entries()) {
      expect(times.slice(i).filter((at) => at < from + 1000 - 1e-3).length).toBeLessThanOrEqual(Math.ceil(perSecond));
    }
    expect(times.length).toBeGreaterThan(0.8 * perSecond * seconds - pace.most);
    clock.advance(10_000);
    pace.giveBack(0);
  });

  it("lets the next in at once when loads come back that were not needed", async () => {
    const pace = createPace(10, createManualClock());
    let isIn = false;
    await pace.take(1, never);
    const next = pace.take(1, never).then(() => {
      isIn = true;
    });
    await soon();
    expect(isIn).toBe(false);
    pace.giveBack(1);
    await next;
    expect(isIn).toBe(true);
  });

  it("holds nobody up after an abort", async () => {
    const stop = new AbortController();
    const pace = createPace(0.001, createManualClock());
    await pace.take(1, stop.signal);
    const waiting = [pace.take(1, stop.signal), pace.take(1, stop.signal)];
    await soon();
    stop.abort();
    await Promise.all(waiting);
  });
});
