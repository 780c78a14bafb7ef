import { describe, expect, it } from "vitest";
import { deadline } from "./deadline-context.js";
import { createManualClock } from "./testing.js";

describe("deadline", () => {
  it("has no end outside of run", () => {
    expect(deadline.remainingMs()).toBe(Infinity);
  });

  it("counts down and stays at 0", async () => {
    const clock = createManualClock();
    await deadline.run(
      100,
      async () => {
        clock.advance(30);
        await Promise.resolve();
        expect(deadline.remainingMs()).toBe(70);
        clock.advance(500);
        expect(deadline.remainingMs()).toBe(0);
      },
      clock,
    );
    expect(deadline.remainingMs()).toBe(Infinity);
  });

  it("never extends an outer deadline, and may shorten it", () => {
    const clock = createManualClock();
    deadline.run(
      100,
      () => {
        deadline.run(5000, () => expect(deadline.remainingMs()).toBe(100), clock);
        deadline.run(20, () => expect(deadline.remainingMs()).toBe(20), clock);
        deadline.run(Infinity, () => expect(deadline.remainingMs()).toBe(100), clock);
      },
      clock,
    );
  });

  it.each([-1, Number.NaN, "100", undefined])("refuses %s", (timeoutMs) => {
    expect(() => deadline.run(timeoutMs as number, () => 1)).toThrow(TypeError);
  });
});
