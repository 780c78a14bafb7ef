import { createManualClock } from "@scale/core/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createTimeBudget, pause, within } from "./time-budget.js";

afterEach(() => vi.useRealTimers());

describe("createTimeBudget", () => {
  it.each([
    [100, 80],
    [25_000, 20_000],
    [600_000, 595_000],
  ])("keeps a part of %d ms for the resources", (deadlineMs, forRequestsMs) => {
    const clock = createManualClock();
    const budget = createTimeBudget(deadlineMs, clock);
    expect(budget.forRequestsMs()).toBe(forRequestsMs);
    clock.advance(deadlineMs);
    expect([budget.forRequestsMs(), budget.leftMs(), budget.elapsedMs()]).toEqual([0, 0, deadlineMs]);
  });
});

describe("pause", () => {
  it("counts time in which the event loop turned, and not a stretch without a processor", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    const clock = createManualClock();
    const budget = createTimeBudget(60_000, clock);
    let isOver = false;
    const over = pause(1_000, budget).then(() => (isOver = true));
    // One timer that is two seconds late.
    clock.advance(2_000);
    await vi.advanceTimersByTimeAsync(100);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(900);
    await over;
  });

  it("ends with the time for requests", async () => {
    const clock = createManualClock();
    const budget = createTimeBudget(1_000, clock);
    clock.advance(900);
    await pause(60_000, budget);
  });
});

describe("within", () => {
  it("tells whether work was in time, and passes its failure on", async () => {
    expect(await within(1_000, Promise.resolve())).toBe(true);
    expect(await within(1, new Promise(() => undefined))).toBe(false);
    await expect(within(1_000, Promise.reject(new Error("down")))).rejects.toThrow("down");
  });
});
