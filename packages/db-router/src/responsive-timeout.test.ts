import { describe, expect, it, onTestFinished } from "vitest";
import { startResponsiveTimeout, withResponsiveDeadline } from "./responsive-timeout.js";

/** Blocks the event loop for most of the time until the test ends. */
function keepBusy(blockMs: number): void {
  let timer: NodeJS.Timeout | undefined;
  const block = (): void => {
    const until = performance.now() + blockMs;
    while (performance.now() < until);
    timer = setTimeout(block, 0);
  };
  block();
  onTestFinished(() => clearTimeout(timer));
}

/** Waits by timers, so that every turn comes after a block; immediates could all run before the first one. */
const turns = async (count: number): Promise<string> => {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setTimeout(resolve, 1));
  return "answer";
};

describe("withResponsiveDeadline", () => {
  it("rejects with SCALE_TIMEOUT when the work does not settle", async () => {
    const startedAt = performance.now();
    const late = withResponsiveDeadline(new Promise(() => undefined), 50, "the poll");
    await expect(late).rejects.toMatchObject({ code: "SCALE_TIMEOUT", timeoutMs: 50 });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(45);
  });

  it("counts a blocked event loop as one slice, however long the block is", async () => {
    keepBusy(60);
    const startedAt = performance.now();
    expect(await withResponsiveDeadline(turns(5), 100, "the poll")).toBe("answer");
    expect(performance.now() - startedAt).toBeGreaterThan(100);
  });

  it("rejects with the error of the work", async () => {
    await expect(withResponsiveDeadline(Promise.reject(new Error("no")), 1000, "the poll")).rejects.toThrow("no");
  });
});

describe("startResponsiveTimeout", () => {
  it("does not call back after it was cancelled", async () => {
    let calls = 0;
    const cancel = startResponsiveTimeout(() => (calls += 1), 10);
    cancel();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(calls).toBe(0);
  });
});
