import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { checkChange } from "../events.js";
import type { CheckOutcome, HealthCheck } from "../types.js";
import { Checker } from "./checker.js";

const open: Checker[] = [];
afterEach(() => {
  for (const checker of open.splice(0)) checker.close();
  vi.useRealTimers();
});

const clock = createManualClock();

function checkerOf(run: () => unknown, options: Partial<HealthCheck> = {}): Checker {
  const defaults = { name: "test", group: "test", critical: false, timeoutMs: 20, everyMs: 5_000 };
  const counts = { failAfter: 2, passAfter: 2 };
  // At run time a check may return anything, whatever its type says.
  const checker = new Checker({ ...defaults, ...counts, ...options, run: run as HealthCheck["run"] }, clock);
  open.push(checker);
  return checker;
}

/** A promise that the test settles. */
function gate<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let settle: { resolve: (value: T) => void; reject: (error: unknown) => void } | undefined;
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) };
}

describe("Checker", () => {
  it("answers 10,000 probes at once with one run", async () => {
    let runs = 0;
    const { promise, resolve } = gate<void>();
    const checker = checkerOf(() => {
      runs++;
      return promise;
    });
    const probes = Array.from({ length: 10_000 }, () => checker.current());
    resolve();
    const reports = await Promise.all(probes);
    expect(new Set(reports).size).toBe(1);
    expect(checker.current()).toBe(reports[0]);
    expect(runs).toBe(1);
  });

  it.each<[string, () => unknown, string]>([
    ["throws at once", () => thrown(new Error("down")), "down"],
    ["throws a string", () => thrown("down"), "threw down"],
    ["throws nothing", () => thrown(undefined), "threw undefined"],
    ["rejects with null", () => Promise.reject(null), "threw null"],
    ["never settles", () => new Promise(() => undefined), "did not answer within 20 ms"],
    ["returns false", () => false, "the check returned false; expected nothing, or an object with a status"],
    ["resolves to a string", async () => "ok", 'the check returned "ok"; expected nothing, or an object with a status'],
    ["returns null", () => null, "the check returned null; expected nothing, or an object with a status"],
    [
      "returns an unknown status",
      () => ({ status: "up" }),
      'the check returned {"status":"up"}; expected nothing, or an object with a status',
    ],
    ["returns an object that throws", () => new Proxy({}, { has: () => thrown(new Error("trap")) }), "trap"],
  ])("fails for a check that %s", async (_what, run, output) => {
    expect(await checkerOf(run).current()).toMatchObject({ status: "fail", output });
  });

  it("passes for a check that returns nothing, at once or later, and takes over an outcome", async () => {
    expect(await checkerOf(() => undefined).current()).toMatchObject({ status: "pass" });
    expect(await checkerOf(async () => undefined).current()).toMatchObject({ status: "pass" });
    const outcome = { status: "warn", output: "at redis://:pw@host", observedValue: 3, observedUnit: "jobs", more: 1 };
    const report = await checkerOf(() => outcome).current();
    const { more: _more, ...known } = outcome;
    expect(report).toMatchObject({ ...known, output: "at redis://***@host" });
    expect(report).not.toHaveProperty("more");
  });

  it("ignores a result that comes after the timeout, and its failure is not unhandled", async () => {
    const late = gate<void>();
    const checker = checkerOf(() => late.promise, { timeoutMs: 1 });
    const report = await checker.current();
    expect(report.status).toBe("fail");
    late.resolve();
    await turn();
    expect(checker.current()).toBe(report);
    const failing = gate<void>();
    const second = checkerOf(() => failing.promise, { timeoutMs: 1 });
    await second.current();
    failing.reject(new Error("late"));
    await turn();
  });

  it("aborts the signal at the timeout", async () => {
    let signal: AbortSignal | undefined;
    const run: HealthCheck["run"] = (context) => {
      ({ signal } = context);
      return new Promise(() => undefined);
    };
    const checker = new Checker(
      { name: "t", group: "t", critical: false, timeoutMs: 1, everyMs: 5_000, failAfter: 1, passAfter: 1, run },
      clock,
    );
    open.push(checker);
    await checker.current();
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ code: "SCALE_TIMEOUT" });
  });

  it("runs outside of the request that asked first, and so does every later run", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const trace = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const checker = checkerOf(() => void seen.push(tenancy.current(), trace.getStore()), { everyMs: 100 });
    const result = tenancy.run({ tenantId: "acme" }, () => trace.run("request", () => checker.current()));
    await result;
    await vi.advanceTimersByTimeAsync(250);
    expect(seen).toEqual(Array.from({ length: 6 }, () => undefined));
  });

  it("runs in the background, and confirms a change soon", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const outcomes: CheckOutcome["status"][] = ["pass", "fail", "fail", "pass", "pass"];
    const checker = checkerOf(() => ({ status: outcomes.shift() ?? "pass" }));
    const changes: unknown[] = [];
    const stop = checkChange.subscribe(({ from, to }) => void changes.push([from, to]));
    await checker.current();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(checker.current()).toMatchObject({ status: "warn" });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(checker.current()).toMatchObject({ status: "fail" });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(checker.current()).toMatchObject({ status: "fail" });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(checker.current()).toMatchObject({ status: "pass" });
    stop();
    expect(changes).toEqual([
      [undefined, "pass"],
      ["pass", "warn"],
      ["warn", "fail"],
      ["fail", "pass"],
    ]);
  });

  it("asks a dependency that hangs less and less, and as before when it answers again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate"] });
    const hanging = gate<void>();
    let runs = 0;
    const checker = checkerOf(
      () => {
        runs++;
        return hanging.promise;
      },
      { everyMs: 1_000, timeoutMs: 10 },
    );
    const first = checker.current();
    await vi.advanceTimersByTimeAsync(60_000);
    await first;
    // After 2, 4, 8, 16 and 32 seconds, instead of 60 times.
    expect(runs).toBe(5);
    hanging.resolve();
    await vi.advanceTimersByTimeAsync(60_000);
    const before = runs;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs - before).toBeGreaterThanOrEqual(9);
  });

  it("does not use a result that is overdue: the process was suspended", async () => {
    let runs = 0;
    const checker = checkerOf(() => void runs++);
    await checker.current();
    clock.advance(6_001);
    const next = checker.current();
    expect(next).toBeInstanceOf(Promise);
    await next;
    expect(runs).toBe(2);
  });

  it("ends at close, and keeps its last result", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    let runs = 0;
    const checker = checkerOf(() => void runs++, { everyMs: 10 });
    await checker.current();
    checker.close();
    clock.advance(100_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(checker.current()).toMatchObject({ status: "pass" });
    expect(runs).toBe(1);
  });
});

function thrown(error: unknown): never {
  throw error;
}
