import { TimeoutError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBreaker } from "../breaker.js";
import { retryRefuse, retryStart } from "../events.js";
import { errorOf, failCalls, failure } from "../testing/context.js";
import { type Budget, createBudget } from "./budget.js";
import { compose } from "./compose.js";
import { hedge } from "./hedge.js";
import { retry, type RetryOptions } from "./retry.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const endless: Budget = { noteCall: () => undefined, take: () => true };
const policyOf = (options: Partial<RetryOptions> = {}) => retry({ budget: endless, random: () => 1, ...options });

/** An action that settles as listed, then with the last one again and again. */
function script(...results: readonly (Error | object | string)[]) {
  let calls = 0;
  const action = (): Promise<unknown> => {
    const result = results[Math.min(calls++, results.length - 1)];
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result);
  };
  return { action, calls: () => calls };
}

async function settled<T>(promise: Promise<T>): Promise<T | { readonly error: unknown }> {
  const result = promise.catch((error: unknown) => ({ error }));
  await vi.advanceTimersByTimeAsync(60_000);
  return result;
}

describe("retry", () => {
  it("repeats an idempotent call until it succeeds", async () => {
    const { action, calls } = script(failure, failure, "ok");
    expect(await settled(policyOf().run(action, { idempotent: true }))).toBe("ok");
    expect(calls()).toBe(3);
  });

  it("rejects with the last error after all attempts", async () => {
    const { action, calls } = script(failure, new Error("last"));
    expect(await settled(policyOf({ attempts: 2 }).run(action, { idempotent: true }))).toMatchObject({
      error: { message: "last" },
    });
    expect(calls()).toBe(2);
  });

  it("repeats a call that may not run twice only when nothing was sent", async () => {
    const refused = Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNREFUSED" } });
    for (const [error, expected] of [
      [failure, 1],
      [new TimeoutError("x", 1), 1],
      [Object.assign(new Error("busy"), { status: 503 }), 1],
      [refused, 3],
    ] as const) {
      const { action, calls } = script(error);
      await settled(policyOf().run(action));
      expect(calls()).toBe(expected);
    }
  });

  it("does not repeat refusals of a policy, nor wrong requests", async () => {
    const open = createBreaker({ name: "x", mode: "forced-open" });
    for (const error of [
      await errorOf(open.run(() => 1)),
      Object.assign(new Error("bad request"), { status: 400 }),
      Object.assign(new Error("not implemented"), { statusCode: 501 }),
    ] as Error[]) {
      const { action, calls } = script(error);
      await settled(policyOf().run(action, { idempotent: true }));
      expect(calls()).toBe(1);
    }
  });

  it("repeats responses by their status, frees their bodies, and returns the last", async () => {
    const cancelled: string[] = [];
    const response = (status: number, name: string) => ({
      status,
      headers: new Headers(),
      body: { cancel: () => Promise.reject(new Error(String(cancelled.push(name)))) },
    });
    const { action } = script(response(503, "first"), response(502, "second"), response(503, "third"));
    expect(await settled(policyOf().run(action, { idempotent: true }))).toMatchObject({ status: 503 });
    expect(cancelled).toEqual(["first", "second"]);
    const { action: once, calls } = script({ status: 404 });
    expect(await settled(policyOf().run(once, { idempotent: true }))).toEqual({ status: 404 });
    expect(calls()).toBe(1);
  });

  it("waits twice as long each time, up to its maximum, and as long as the dependency asks", async () => {
    const delays: number[] = [];
    const unsubscribe = retryStart.subscribe(({ delayMs }) => void delays.push(delayMs));
    await settled(policyOf({ attempts: 5, baseMs: 100, maxMs: 300 }).run(script(failure).action, { idempotent: true }));
    const asks = Object.assign(new Error("wait"), { status: 429, headers: { "retry-after": "1" } });
    await settled(policyOf({ attempts: 2, maxMs: 2000 }).run(script(asks).action, { idempotent: true }));
    unsubscribe();
    expect(delays).toEqual([100, 200, 300, 300, 1000]);
  });

  it("does not wait past the deadline, nor longer than its maximum", async () => {
    const reasons: string[] = [];
    const unsubscribe = retryRefuse.subscribe(({ reason }) => void reasons.push(reason));
    const { action, calls } = script(failure);
    await settled(policyOf({ baseMs: 500 }).run(action, { idempotent: true, timeoutMs: 400 }));
    const asks = Object.assign(new Error("wait"), { retryAfterMs: 60_000 });
    await settled(policyOf().run(script(asks).action, { idempotent: true }));
    unsubscribe();
    expect([calls(), reasons]).toEqual([1, ["deadline", "deadline"]]);
  });

  it("ends the wait when the caller aborts", async () => {
    const caller = new AbortController();
    const { action, calls } = script(failure);
    const error = errorOf(policyOf({ baseMs: 1000 }).run(action, { idempotent: true, signal: caller.signal }));
    await vi.advanceTimersByTimeAsync(10);
    caller.abort(new Error("gone"));
    expect(await error).toMatchObject({ message: "gone" });
    expect([calls(), vi.getTimerCount()]).toEqual([1, 0]);
  });

  it("tells the action its attempt", async () => {
    const attempts: number[] = [];
    const run = policyOf().run(
      ({ attempt }) => {
        attempts.push(attempt);
        return Promise.reject(failure);
      },
      { idempotent: true },
    );
    await settled(run);
    expect(attempts).toEqual([1, 2, 3]);
  });

  it("fails at once while a breaker inside is open", async () => {
    const breaker = createBreaker({ name: "x", minimumCalls: 2 });
    await failCalls(breaker, 2);
    const { action, calls } = script("ok");
    expect(await settled(compose(policyOf(), breaker).run(action, { idempotent: true }))).toMatchObject({
      error: { code: "SCALE_OPEN" },
    });
    expect(calls()).toBe(0);
  });
});

describe("createBudget", () => {
  it("allows a part of the calls of its window in addition, and a few per second", () => {
    const clock = createManualClock();
    const budget = createBudget({ ratio: 0.2, minPerSecond: 0.5, windowMs: 10_000, clock });
    const taken = (): number => {
      let count = 0;
      while (budget.take()) count++;
      return count;
    };
    expect(taken()).toBe(5);
    for (let i = 0; i < 100; i++) budget.noteCall();
    expect(taken()).toBe(20);
    clock.advance(10_000);
    expect(taken()).toBe(5);
  });

  it("counts a call once for all policies around it that share it", async () => {
    let noted = 0;
    const budget = { noteCall: () => void noted++, take: () => true };
    await settled(
      compose(retry({ budget }), hedge({ budget })).run(script(failure, "ok").action, { idempotent: true }),
    );
    expect(noted).toBe(1);
  });

  it("bounds the load of a dependency that is down", async () => {
    const budget = createBudget({ ratio: 0.2, minPerSecond: 0 });
    const { action, calls } = script(failure);
    const policy = retry({ budget, baseMs: 1, random: () => 0 });
    await settled(
      Promise.all(Array.from({ length: 1000 }, () => policy.run(action, { idempotent: true }).catch(() => 0))),
    );
    expect(calls()).toBe(1200);
  });
});
