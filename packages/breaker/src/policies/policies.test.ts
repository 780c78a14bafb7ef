import { deadline } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBreaker } from "../breaker.js";
import { fallbackUse } from "../events.js";
import { deferred, errorOf, failCalls, failure, flush } from "../testing/context.js";
import { bulkhead } from "./bulkhead.js";
import { compose } from "./compose.js";
import { DEADLINE_HEADER, deadlineHeaders, readDeadline } from "./deadline-header.js";
import { withFallback } from "./fallback.js";
import { servicePolicy } from "./service.js";
import { timeout } from "./timeout.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("bulkhead", () => {
  it("refuses calls above its limit at once, without a queue", async () => {
    const policy = bulkhead({ max: 2, name: "db" });
    const work = deferred();
    const running = [0, 1].map(() => policy.run(() => work.promise));
    expect(await errorOf(policy.run(() => 1))).toMatchObject({ code: "SCALE_BUSY", what: "db", reason: "shed" });
    work.resolve(1);
    await Promise.all(running);
    expect(await policy.run(() => 1)).toBe(1);
    expect([policy.running, policy.waiting]).toEqual([0, 0]);
  });

  it("keeps a slow key from taking every place, and serves the queues in turn", async () => {
    const policy = bulkhead({ max: 4, maxPerKey: 3, queue: 10 });
    const work = deferred();
    const slow = Array.from({ length: 8 }, () => policy.run(() => work.promise, { key: "slow" }));
    expect(await policy.run(() => "served", { key: "quick" })).toBe("served");
    expect([policy.running, policy.waiting]).toEqual([3, 5]);
    work.resolve(1);
    await Promise.all(slow);
    expect(policy.running).toBe(0);
  });

  it("waits neither past the deadline nor for a caller that has gone", async () => {
    const policy = bulkhead({ max: 1, queue: 10, waitMs: 5000 });
    const work = deferred();
    const running = policy.run(() => work.promise);
    await flush();
    const late = errorOf(policy.run(() => 1, { timeoutMs: 100 }));
    const caller = new AbortController();
    const gone = errorOf(policy.run(() => 1, { signal: caller.signal }));
    await vi.advanceTimersByTimeAsync(100);
    expect(await late).toMatchObject({ code: "SCALE_BUSY", reason: "waited-too-long" });
    caller.abort(new Error("gone"));
    expect(await gone).toMatchObject({ message: "gone" });
    expect(policy.waiting).toBe(0);
    work.resolve(1);
    await running;
  });
});

describe("withFallback", () => {
  it("resolves to the fallback's result, and publishes the error", async () => {
    const errors: unknown[] = [];
    const unsubscribe = fallbackUse.subscribe(({ error }) => void errors.push(error));
    const breaker = createBreaker({ name: "x", minimumCalls: 1 });
    await failCalls(breaker, 1);
    const policy = withFallback(breaker, { to: (error) => ({ stale: true, error }) });
    expect(await policy.run(() => "fresh")).toMatchObject({ stale: true, error: { code: "SCALE_OPEN" } });
    unsubscribe();
    expect(errors).toHaveLength(1);
  });

  it("gives its own time to the fallback of a call whose time was up", async () => {
    const policy = withFallback(timeout({ timeoutMs: 100 }), {
      to: () => new Promise((resolve) => setTimeout(() => resolve("fallback"), 50)),
    });
    const result = policy.run(() => new Promise<never>(() => undefined), { timeoutMs: 100 });
    await vi.advanceTimersByTimeAsync(200);
    expect(await result).toBe("fallback");
  });

  it("is not used for a caller that aborted, nor for errors that when excludes", async () => {
    const policy = withFallback(compose(), { to: () => "fallback", when: (error) => error !== failure });
    expect(await errorOf(policy.run(() => Promise.reject(failure)))).toBe(failure);
    const reason = new Error("gone");
    expect(await errorOf(policy.run(() => Promise.reject(reason), { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it("rejects with the error of a fallback that fails", async () => {
    const policy = withFallback(compose(), { to: () => Promise.reject(new Error("both")) });
    expect(await errorOf(policy.run(() => Promise.reject(failure)))).toMatchObject({ message: "both" });
  });
});

describe("the deadline header", () => {
  it("carries what is left of the call's time, or of the context's", async () => {
    await timeout({ timeoutMs: 500 }).run((call) => {
      expect(Number(deadlineHeaders(call)[DEADLINE_HEADER])).toBeGreaterThan(490);
    });
    const clock = createManualClock();
    deadline.run(250, () => expect(deadlineHeaders()).toEqual({ [DEADLINE_HEADER]: "250" }), clock);
    expect(deadlineHeaders()).toEqual({});
  });

  it.each([
    ["100", 100],
    ["0", 0],
    ["1000000000000", 5000],
    ["1e12", 5000],
    ["-1", 5000],
    ["NaN", 5000],
    ["", 5000],
    ["100, 200", 5000],
    ["9".repeat(400), 5000],
    [["100"], 5000],
    [undefined, 5000],
  ])("reads %j as %i ms of at most 5,000", (value, expected) => {
    expect(readDeadline({ [DEADLINE_HEADER]: value }, { maxMs: 5000 })).toBe(expected);
  });

  it("reads a Headers object, and nothing from anything else", () => {
    expect(readDeadline(new Headers({ [DEADLINE_HEADER]: "70" }), { maxMs: 5000 })).toBe(70);
    for (const headers of [undefined, null, 7, "x"]) expect(readDeadline(headers, { maxMs: 5000 })).toBe(5000);
  });
});

describe("servicePolicy", () => {
  it("retries a response that failed, and opens its breaker when all fail", async () => {
    const policy = servicePolicy({ name: "billing", breaker: { minimumCalls: 5 } });
    let calls = 0;
    const fetchIt = () => ({ status: ++calls === 1 ? 503 : 200 });
    const result = policy.run(fetchIt, { idempotent: true });
    await vi.advanceTimersByTimeAsync(100);
    expect(await result).toEqual({ status: 200 });
    for (let i = 0; i < 10; i++) await errorOf(policy.run(() => ({ status: 500 })));
    expect(policy.breaker.state).toBe("open");
    expect(await errorOf(policy.run(() => 1))).toMatchObject({ code: "SCALE_OPEN", breaker: "billing" });
  });

  it("does not open for requests that are wrong", async () => {
    const policy = servicePolicy({ name: "billing", breaker: { minimumCalls: 5 } });
    for (let i = 0; i < 50; i++) await policy.run(() => ({ status: 401 }));
    expect(policy.breaker.state).toBe("closed");
  });

  it("ends an attempt and the whole call in time", async () => {
    const policy = servicePolicy({ name: "billing", attemptTimeoutMs: 100, timeoutMs: 250 });
    let attempts = 0;
    const error = errorOf(
      policy.run(
        () => {
          attempts++;
          return new Promise<never>(() => undefined);
        },
        { idempotent: true },
      ),
    );
    await vi.advanceTimersByTimeAsync(260);
    expect(await error).toMatchObject({ code: "SCALE_TIMEOUT" });
    expect(attempts).toBeGreaterThan(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("names a wrong option", () => {
    expect(() => servicePolicy({ name: "billing", breaker: { failureRate: 2 } })).toThrow(/failureRate/);
    expect(() => servicePolicy({ name: "" })).toThrow(/servicePolicy: name/);
  });
});
