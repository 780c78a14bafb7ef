import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { deadline, type TimeoutError } from "@scale/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deferred, errorOf } from "../testing/context.js";
import { compose } from "./compose.js";
import { timeout } from "./timeout.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = (): Promise<never> => new Promise(() => undefined);

describe("timeout", () => {
  it("rejects in time although the action ignores its signal, and drops its late result", async () => {
    const work = deferred();
    let signal: AbortSignal | undefined;
    const error = errorOf(
      timeout({ timeoutMs: 100, name: "billing" }).run((call) => {
        signal = call.signal;
        return work.promise;
      }),
    );
    await vi.advanceTimersByTimeAsync(99);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    expect(await error).toMatchObject({ code: "SCALE_TIMEOUT", message: "billing did not answer within 100 ms" });
    expect(signal?.reason).toBe(await error);
    work.reject(new Error("late"));
  });

  it("leaves no timer and no listener of the caller's signal after the call", async () => {
    const { signal } = new AbortController();
    const policy = compose(timeout({ timeoutMs: 1000 }), timeout({ timeoutMs: 100 }));
    for (let i = 0; i < 20; i++) await policy.run((call) => void call.signal.aborted, { signal });
    await errorOf(policy.run((call) => Promise.reject(call.signal.aborted), { signal }));
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("frees the connection of a late response", async () => {
    const work = deferred();
    let isFreed = false;
    const error = errorOf(timeout({ timeoutMs: 10 }).run(() => work.promise));
    await vi.advanceTimersByTimeAsync(20);
    expect(await error).toMatchObject({ code: "SCALE_TIMEOUT" });
    work.resolve({ status: 200, body: { cancel: () => (isFreed = true) } });
    await vi.advanceTimersByTimeAsync(1);
    expect(isFreed).toBe(true);
  });

  it("gives a signal that is read after the end as aborted", async () => {
    let late: (() => AbortSignal) | undefined;
    const error = errorOf(
      timeout({ timeoutMs: 10 }).run((call) => {
        late = () => call.signal;
        return never();
      }),
    );
    await vi.advanceTimersByTimeAsync(20);
    await error;
    expect(late?.().aborted).toBe(true);
  });

  it("rejects at once when the caller aborts, through every layer", async () => {
    const caller = new AbortController();
    const signals: AbortSignal[] = [];
    const policy = compose(timeout({ timeoutMs: 1000 }), timeout({ timeoutMs: 100 }));
    const error = errorOf(
      policy.run(
        (call) => {
          signals.push(call.signal);
          return never();
        },
        { signal: caller.signal },
      ),
    );
    const reason = new Error("gone");
    caller.abort(reason);
    expect(await error).toBe(reason);
    expect(signals[0]?.reason).toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not run the action for a caller that has gone, or without time", async () => {
    let runs = 0;
    const run = (options: object) => errorOf(timeout({ timeoutMs: 100 }).run(() => runs++, options));
    const reason = new Error("gone");
    expect(await run({ signal: AbortSignal.abort(reason) })).toBe(reason);
    expect(await run({ timeoutMs: 0 })).toMatchObject({ code: "SCALE_TIMEOUT" });
    expect(await deadline.run(0, () => run({}))).toMatchObject({ code: "SCALE_TIMEOUT" });
    expect(runs).toBe(0);
  });

  it("ends at the earliest of its time, the call's and the context's", async () => {
    const endOf = async (run: () => Promise<unknown>): Promise<number> => {
      const error = errorOf(run());
      await vi.advanceTimersByTimeAsync(1000);
      return ((await error) as TimeoutError).timeoutMs;
    };
    const policy = timeout({ timeoutMs: 500 });
    expect(await endOf(() => policy.run(never))).toBe(500);
    expect(await endOf(() => policy.run(never, { timeoutMs: 200 }))).toBe(200);
    expect(await endOf(() => deadline.run(50, () => policy.run(never, { timeoutMs: 200 })))).toBe(50);
  });

  it("tells the action how much time is left", async () => {
    await compose(timeout({ timeoutMs: 500 }), timeout({ timeoutMs: 100 })).run((call) => {
      expect(call.remainingMs()).toBeCloseTo(100, 0);
    });
    await timeout({ timeoutMs: 500 }).run((call) => expect(call.remainingMs()).toBeCloseTo(500, 0));
  });

  it("calls listeners of the signal in the context of their call", async () => {
    vi.useRealTimers(); // Faked ones lose the context.
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const policy = timeout({ timeoutMs: 5 });
    const errors = ["a", "b"].map((id) =>
      context.run(id, () =>
        errorOf(
          policy.run(({ signal }) => {
            signal.addEventListener("abort", () => void seen.push(context.getStore()));
            return never();
          }),
        ),
      ),
    );
    await Promise.all(errors);
    expect(seen).toEqual(["a", "b"]);
  });

  it.each([0, -1, Number.NaN, Infinity, 2 ** 31, "100"])("refuses %s as its time", (timeoutMs) => {
    expect(() => timeout({ timeoutMs: timeoutMs as number })).toThrow(/timeout: timeoutMs/);
  });

  it.each([-1, Number.NaN, "100"])("rejects a call with a time of %s", async (timeoutMs) => {
    const error = await errorOf(timeout({ timeoutMs: 100 }).run(() => 1, { timeoutMs: timeoutMs as number }));
    expect(error).toBeInstanceOf(TypeError);
  });
});
