import { expect } from "vitest";
import type { BreakerMode } from "../types.js";
import { errorOf, failCalls, failure, openAndWait, startCall, succeedCalls, type SuiteContext } from "./context.js";
import type { Row } from "./row.js";

/** Refusals, probes, recovery, and control by hand. */
export const contractRows: readonly Row[] = [
  { id: "E2", title: "refuses without running the action, and says when to come again", run: refuses },
  { id: "E3", title: "admits as many probes as configured, and decides by their rate", run: severalProbes },
  {
    id: "E4",
    title: "stays open longer with every opening in a row, and starts again after a long recovery",
    run: growth,
  },
  { id: "E5", title: "stays open as long as the dependency asks, up to a maximum", run: retryAfter },
  { id: "E7", title: "admits a growing share after recovery, and all of it in the end", run: ramp },
  { id: "E8", title: "obeys each mode", run: modes },
  { id: "E8b", title: "reports in metrics-only mode that it would open, and does not", run: metricsOnly },
  { id: "E11", title: "restores an open state with the time that is left", run: restored },
  { id: "E12", title: "counts values as failures by classify, and resolves to them", run: failedValues },
  { id: "E13", title: "passes on whatever was thrown", run: thrownValues },
  { id: "E14", title: "ignores the errors of callers that aborted", run: callerAborts },
  { id: "E15", title: "counts a call whose classify throws as a failure", run: brokenClassify },
];

async function refuses({ create, advance }: SuiteContext): Promise<void> {
  const breaker = create();
  await failCalls(breaker, 5);
  await advance(400);
  let ran = false;
  const error = await errorOf(breaker.run(() => (ran = true)));
  expect(error).toMatchObject({ code: "SCALE_OPEN", status: 503, breaker: "dependency", state: "open" });
  expect(error).toMatchObject({ retryAfterMs: 600, cause: failure, problem: { headers: { "retry-after": "1" } } });
  expect(ran).toBe(false);
}

async function severalProbes(context: SuiteContext): Promise<void> {
  const breaker = context.create({ halfOpen: { permits: 3, successRate: 0.6, leaseMs: 5000 } });
  await openAndWait(context, breaker);
  const probes = [0, 1, 2].map(() => startCall(breaker));
  expect(await errorOf(breaker.run(() => 1))).toMatchObject({ code: "SCALE_OPEN", state: "half-open" });
  probes[0]?.reject(failure);
  await probes[0]?.error;
  probes[1]?.resolve(1);
  await probes[1]?.error;
  expect(breaker.state).toBe("half-open");
  probes[2]?.resolve(1);
  await probes[2]?.error;
  expect(breaker.state).toBe("closed");
}

async function growth(context: SuiteContext): Promise<void> {
  const { advance } = context;
  const breaker = context.create({ open: { baseMs: 1000, maxMs: 3000, jitter: 0 } });
  await openAndWait(context, breaker);
  const waits: number[] = [];
  for (let i = 0; i < 3; i++) {
    await failCalls(breaker, 1);
    waits.push(breaker.snapshot().retryAfterMs);
    await advance(3000);
  }
  expect(waits).toEqual([2000, 3000, 3000]);
  await succeedCalls(breaker, 1);
  await failCalls(breaker, 5);
  expect(breaker.snapshot().retryAfterMs).toBe(3000);
  await advance(3000);
  await succeedCalls(breaker, 1);
  await advance(20_000);
  await failCalls(breaker, 5);
  expect(breaker.snapshot().retryAfterMs).toBe(1000);
}

async function retryAfter({ create }: SuiteContext): Promise<void> {
  const open = { baseMs: 1000, jitter: 0, maxRetryAfterMs: 20_000 };
  const overloaded = (seconds: string) => ({ status: 503, headers: new Headers({ "retry-after": seconds }) });
  for (const [seconds, ms] of [
    ["7", 7000],
    ["999999999999", 20_000],
    ["soon", 1000],
    ["-1", 1000],
  ] as const) {
    const breaker = create({ open });
    for (let i = 0; i < 5; i++) await errorOf(breaker.run(() => Promise.reject(overloaded(seconds))));
    expect(breaker.snapshot().retryAfterMs).toBe(ms);
  }
}

async function ramp(context: SuiteContext): Promise<void> {
  const breaker = context.create({ rampMs: 1000 });
  await openAndWait(context, breaker);
  await succeedCalls(breaker, 1);
  expect(breaker.state).toBe("ramping");
  const admitted: number[] = [];
  for (let step = 0; step < 11; step++) {
    let count = 0;
    for (let i = 0; i < 100; i++) if ((await errorOf(breaker.run(() => 1))) === undefined) count++;
    admitted.push(count);
    await context.advance(100);
  }
  expect(admitted).toEqual(admitted.toSorted((a, b) => a - b));
  expect(admitted[0]).toBeLessThan(15);
  expect(admitted.at(-1)).toBe(100);
  expect(breaker.state).toBe("closed");
}

async function modes({ create }: SuiteContext): Promise<void> {
  const breaker = create();
  const admits = async (): Promise<boolean> => (await errorOf(breaker.run(() => 1))) === undefined;
  const inMode = async (mode: BreakerMode): Promise<boolean> => {
    breaker.setMode(mode);
    expect(breaker.mode).toBe(mode);
    await failCalls(breaker, 10);
    return admits();
  };
  expect(await inMode("forced-open")).toBe(false);
  expect(breaker.state).toBe("open");
  expect(await inMode("forced-closed")).toBe(true);
  expect(await inMode("metrics-only")).toBe(true);
  expect(await inMode("disabled")).toBe(true);
  expect(await inMode("auto")).toBe(false);
  breaker.setMode("auto");
  expect(await admits()).toBe(true);
}

async function metricsOnly({ create }: SuiteContext): Promise<void> {
  const { tripWithhold } = await import("../events.js");
  const breaker = create({ mode: "metrics-only" });
  const withheld: string[] = [];
  const unsubscribe = tripWithhold.subscribe(({ reason }) => void withheld.push(reason));
  await failCalls(breaker, 9);
  unsubscribe();
  expect(withheld).toEqual(["metrics-only"]);
  expect(breaker.snapshot()).toMatchObject({ state: "closed", calls: 4, failures: 4 });
}

async function restored({ create, advance }: SuiteContext): Promise<void> {
  const before = create();
  await failCalls(before, 5);
  const stored: unknown = JSON.parse(JSON.stringify(before.snapshot()));
  await advance(300);
  const after = create();
  expect(after.restore(stored)).toBe(true);
  expect(after.snapshot()).toMatchObject({ state: "open", retryAfterMs: 700 });
  await advance(700);
  await succeedCalls(after, 1);
  expect(after.state).toBe("closed");
  for (const wrong of [undefined, null, "open", {}, { ...(stored as object), state: "ajar" }]) {
    expect(create().restore(wrong)).toBe(false);
  }
}

async function failedValues({ create }: SuiteContext): Promise<void> {
  const breaker = create({
    classify: (settled) => ("value" in settled && settled.value === 503 ? "failure" : "success"),
  });
  for (let i = 0; i < 5; i++) expect(await breaker.run(() => 503)).toBe(503);
  expect(breaker.state).toBe("open");
}

async function thrownValues({ create }: SuiteContext): Promise<void> {
  const breaker = create({ minimumCalls: 100 });
  for (const thrown of ["a string", 0, null, { code: "EOPENBREAKER" }, Object.create(null) as object]) {
    const [error] = await Promise.allSettled([
      breaker.run(() => {
        throw thrown;
      }),
    ]);
    expect(error).toEqual({ status: "rejected", reason: thrown });
  }
  const [nothing] = await Promise.allSettled([breaker.run(() => Promise.reject(undefined))]);
  expect(nothing).toEqual({ status: "rejected", reason: undefined });
  expect(breaker.snapshot().failures).toBe(6);
}

async function callerAborts({ create }: SuiteContext): Promise<void> {
  const breaker = create();
  const abortedBy = async (reason: unknown): Promise<void> => {
    const caller = new AbortController();
    const call = breaker.run(
      ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      { signal: caller.signal },
    );
    caller.abort(reason);
    await errorOf(call);
  };
  for (let i = 0; i < 10; i++) await abortedBy(new Error("the client has left"));
  expect(breaker.state).toBe("closed");
  // A caller whose time was up has waited for the dependency.
  for (let i = 0; i < 20; i++) await abortedBy(new DOMException("late", "TimeoutError"));
  expect(breaker.state).toBe("open");
}

async function brokenClassify({ create }: SuiteContext): Promise<void> {
  const warnings: string[] = [];
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning: string | Error) => void warnings.push(String(warning));
  try {
    const breaker = create({
      classify: () => {
        throw new Error("no idea");
      },
    });
    for (let i = 0; i < 5; i++) await breaker.run(() => i);
    expect(breaker.state).toBe("open");
  } finally {
    process.emitWarning = emitWarning;
  }
  expect(warnings[0]).toContain("no idea");
}
