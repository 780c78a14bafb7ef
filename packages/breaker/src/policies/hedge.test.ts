import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deferred, type Deferred, errorOf, failure } from "../testing/context.js";
import { type Budget, createBudget } from "./budget.js";
import { hedge } from "./hedge.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const endless: Budget = { noteCall: () => undefined, take: () => true };

function attempts() {
  const started: { readonly work: Deferred<unknown>; readonly signal: AbortSignal; readonly attempt: number }[] = [];
  return {
    started,
    action: ({ signal, attempt }: { signal: AbortSignal; attempt: number }) => {
      const work = deferred();
      started.push({ work, signal, attempt });
      return work.promise;
    },
  };
}

describe("hedge", () => {
  it("starts a second attempt after its delay, takes the first answer and aborts the other", async () => {
    const { started, action } = attempts();
    const result = hedge({ budget: endless, afterMs: 50 }).run(action, { idempotent: true });
    await vi.advanceTimersByTimeAsync(49);
    expect(started).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(started.map(({ attempt }) => attempt)).toEqual([1, 2]);
    started[1]?.work.resolve("second");
    expect(await result).toBe("second");
    expect(started.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    started[0]?.work.reject(new Error("aborted"));
  });

  it("never hedges a call that may not run twice", async () => {
    const { started, action } = attempts();
    const result = hedge({ budget: endless, afterMs: 50 }).run(action);
    await vi.advanceTimersByTimeAsync(1000);
    expect(started).toHaveLength(1);
    started[0]?.work.resolve(1);
    await result;
  });

  it("does not take a fast failure for an answer while the other attempt runs", async () => {
    for (const fail of [
      (work: Deferred<unknown> | undefined) => work?.reject(failure),
      (work: Deferred<unknown> | undefined) => work?.resolve({ status: 503 }),
    ]) {
      const { started, action } = attempts();
      const result = hedge({ budget: endless, afterMs: 50 }).run(action, { idempotent: true });
      await vi.advanceTimersByTimeAsync(50);
      fail(started[1]?.work);
      await vi.advanceTimersByTimeAsync(1);
      started[0]?.work.resolve("first");
      expect(await result).toBe("first");
    }
  });

  it("settles as the first attempt to fail when all fail", async () => {
    const { started, action } = attempts();
    const error = errorOf(hedge({ budget: endless, afterMs: 50 }).run(action, { idempotent: true }));
    await vi.advanceTimersByTimeAsync(50);
    started[1]?.work.reject(failure);
    started[0]?.work.reject(new Error("later"));
    expect(await error).toBe(failure);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves a failure before its delay to the caller", async () => {
    const { started, action } = attempts();
    const error = errorOf(hedge({ budget: endless, afterMs: 50 }).run(action, { idempotent: true }));
    started[0]?.work.reject(failure);
    expect(await error).toBe(failure);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("hedges the slowest calls once it knows them, within the budget", async () => {
    const policy = hedge({ budget: createBudget({ ratio: 0.01, minPerSecond: 0 }) });
    let calls = 0;
    const wait = (ms: number) => (): Promise<void> => {
      calls++;
      return new Promise((resolve) => setTimeout(resolve, ms));
    };
    const run = async (ms: number): Promise<void> => {
      const done = policy.run(wait(ms), { idempotent: true });
      await vi.advanceTimersByTimeAsync(ms + 1);
      await done;
    };
    for (let i = 0; i < 300; i++) await run(10);
    expect(calls).toBe(300);
    for (let i = 0; i < 10; i++) await run(100);
    expect(calls - 310).toBe(3);
  });
});
