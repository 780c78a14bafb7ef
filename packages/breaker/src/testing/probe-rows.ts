import { expect } from "vitest";
import { stateChange } from "../events.js";
import { bulkhead } from "../policies/bulkhead.js";
import { compose } from "../policies/compose.js";
import { withFallback } from "../policies/fallback.js";
import { timeout } from "../policies/timeout.js";
import {
  deferred,
  errorOf,
  failCalls,
  failure,
  flush,
  openAndWait,
  startCall,
  succeedCalls,
  type SuiteContext,
} from "./context.js";
import type { Row } from "./row.js";
import { collectUncaught } from "./uncaught.js";

/** Behaviors that breakers in use got wrong, each reproduced with at least one of them. */
export const probeRows: readonly Row[] = [
  { id: "P1", title: "an action that returns undefined at once resolves to undefined", run: returnsUndefined },
  { id: "P2", title: "refusals of a bulkhead inside do not count as failures", run: localRefusals },
  { id: "P3", title: "a timeout aborts its own call alone", run: ownSignal },
  { id: "P4", title: "a late success of a call from before the breaker opened does not close it", run: lateSuccess },
  { id: "P5", title: "a probe that never settles loses its lease, and the next call probes", run: hungProbe },
  { id: "P6", title: "nothing runs after dispose, and calls are refused", run: disposed },
  { id: "P7", title: "calls in flight do not dilute the rate of failures", run: settledOnly },
  { id: "P8", title: "an ignored outcome of a probe counts as reached", run: ignoredProbe },
  {
    id: "P8b",
    title: "an ignored outcome of a probe leaves its permit to the next call, if configured",
    run: releasedProbe,
  },
  { id: "P9", title: "failures that settle together open the breaker once", run: openOnce },
  { id: "P10", title: "a subscriber that throws changes no call", run: throwingSubscriber },
  { id: "P11", title: "a fallback that hangs is ended by its own timeout", run: hungFallback },
  { id: "P12", title: "one failure does not open a breaker with default options", run: firstFailure },
  { id: "C1", title: "failures from an hour ago do not count", run: staleWindow },
  { id: "C2", title: "callers are refused at once while a probe runs, not queued", run: noQueue },
  { id: "C3", title: "a probe gets the signal of its caller", run: probeSignal },
];

async function returnsUndefined({ create }: SuiteContext): Promise<void> {
  expect(await create().run(() => undefined)).toBeUndefined();
}

async function localRefusals({ create }: SuiteContext): Promise<void> {
  const breaker = create();
  const policy = compose(breaker, bulkhead({ max: 1 }));
  const work = deferred();
  const first = policy.run(() => work.promise);
  for (let i = 0; i < 20; i++) {
    expect(await errorOf(policy.run(() => 1))).toMatchObject({ code: "SCALE_BUSY" });
  }
  work.resolve(1);
  await first;
  expect(breaker.state).toBe("closed");
}

async function ownSignal({ create, advance }: SuiteContext): Promise<void> {
  const breaker = create();
  const slow = compose(breaker, timeout({ timeoutMs: 50 }));
  const signals: AbortSignal[] = [];
  const work = deferred();
  const others = [0, 1].map(() =>
    breaker.run(({ signal }) => {
      signals.push(signal);
      return work.promise;
    }),
  );
  let ownSignal: AbortSignal | undefined;
  const late = errorOf(
    slow.run(({ signal }) => {
      ownSignal = signal;
      return work.promise;
    }),
  );
  await advance(60);
  expect(await late).toMatchObject({ code: "SCALE_TIMEOUT" });
  expect(ownSignal?.aborted).toBe(true);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  work.resolve(1);
  await Promise.all(others);
}

async function lateSuccess(context: SuiteContext): Promise<void> {
  const breaker = context.create();
  const early = startCall(breaker);
  await openAndWait(context, breaker);
  expect(breaker.state).toBe("half-open");
  early.resolve(1);
  await early.error;
  expect(breaker.state).toBe("half-open");
}

async function hungProbe(context: SuiteContext): Promise<void> {
  const breaker = context.create();
  await openAndWait(context, breaker);
  const probe = startCall(breaker);
  expect(await errorOf(breaker.run(() => 1))).toMatchObject({ code: "SCALE_OPEN" });
  await context.advance(5000 + 2000);
  expect(await breaker.run(() => "reached")).toBe("reached");
  probe.resolve(1);
  await probe.error;
}

async function disposed({ create, advance }: SuiteContext): Promise<void> {
  const breaker = create();
  await failCalls(breaker, 5);
  const changes: unknown[] = [];
  const unsubscribe = stateChange.subscribe((change) => void changes.push(change));
  breaker.dispose();
  await advance(60_000);
  unsubscribe();
  expect(changes).toEqual([]);
  expect(await errorOf(breaker.run(() => 1))).toMatchObject({ code: "SCALE_CLOSED" });
}

async function settledOnly({ create }: SuiteContext): Promise<void> {
  const breaker = create();
  const calls = Array.from({ length: 100 }, () => startCall(breaker));
  for (const call of calls.slice(0, 40)) call.reject(failure);
  await flush();
  expect(breaker.state).toBe("open");
  for (const call of calls.slice(40)) call.resolve(1);
  await Promise.all(calls.map(({ error }) => error));
}

const notFound = Object.assign(new Error("not found"), { status: 404 });

async function ignoredProbe(context: SuiteContext): Promise<void> {
  const classify = (settled: object) => ("error" in settled && settled.error === notFound ? "ignore" : "failure");
  const breaker = context.create({ classify });
  await openAndWait(context, breaker);
  expect(await errorOf(breaker.run(() => Promise.reject(notFound)))).toBe(notFound);
  expect(breaker.state).toBe("closed");
}

async function releasedProbe(context: SuiteContext): Promise<void> {
  const classify = (settled: object) => {
    if (!("error" in settled)) return "success";
    return settled.error === notFound ? "ignore" : "failure";
  };
  const halfOpen = { permits: 1, successRate: 1, leaseMs: 5000, ignored: "release" } as const;
  const breaker = context.create({ classify, halfOpen });
  await openAndWait(context, breaker);
  await errorOf(breaker.run(() => Promise.reject(notFound)));
  expect(breaker.state).toBe("half-open");
  await breaker.run(() => 1);
  expect(breaker.state).toBe("closed");
}

async function openOnce({ create, advance }: SuiteContext): Promise<void> {
  const breaker = create();
  const opened: string[] = [];
  const unsubscribe = stateChange.subscribe(({ to }) => void opened.push(to));
  const calls = Array.from({ length: 50 }, () => startCall(breaker));
  for (const call of calls) call.reject(failure);
  await Promise.all(calls.map(({ error }) => error));
  expect(opened).toEqual(["open"]);
  await advance(1000);
  await breaker.run(() => 1);
  unsubscribe();
  expect(opened).toEqual(["open", "half-open", "closed"]);
}

async function throwingSubscriber({ create }: SuiteContext): Promise<void> {
  const breaker = create();
  const unsubscribe = stateChange.subscribe(() => {
    throw new Error("subscriber");
  });
  const uncaught = await collectUncaught(async () => {
    expect(await failCalls(breaker, 5)).toEqual([failure, failure, failure, failure, failure]);
    expect(breaker.state).toBe("open");
  });
  unsubscribe();
  expect(uncaught).toHaveLength(1);
}

async function hungFallback({ create, advance }: SuiteContext): Promise<void> {
  const policy = withFallback(create(), { to: () => new Promise<never>(() => undefined), timeoutMs: 50 });
  const error = errorOf(policy.run(() => Promise.reject(failure)));
  await advance(60);
  expect(await error).toMatchObject({ code: "SCALE_TIMEOUT" });
}

async function firstFailure({ create }: SuiteContext): Promise<void> {
  const breaker = create({ minimumCalls: 20, open: {}, halfOpen: {} });
  await failCalls(breaker, 1);
  expect(breaker.state).toBe("closed");
}

async function staleWindow({ create, advance }: SuiteContext): Promise<void> {
  const breaker = create({ minimumCalls: 6, failureRate: 0.5 });
  await failCalls(breaker, 5);
  await advance(3_600_000);
  await succeedCalls(breaker, 5);
  await failCalls(breaker, 1);
  expect(breaker.state).toBe("closed");
}

async function noQueue(context: SuiteContext): Promise<void> {
  const breaker = context.create();
  await openAndWait(context, breaker);
  const probe = startCall(breaker);
  await flush();
  let refused = 0;
  const calls = Array.from({ length: 1000 }, async () => {
    if ((await errorOf(breaker.run(() => 1))) !== undefined) refused++;
  });
  await flush();
  expect(refused).toBe(1000);
  await Promise.all(calls);
  probe.resolve(1);
  await probe.error;
  expect(breaker.state).toBe("closed");
}

async function probeSignal(context: SuiteContext): Promise<void> {
  const breaker = context.create();
  await openAndWait(context, breaker);
  const caller = new AbortController();
  const work = deferred();
  let signal: AbortSignal | undefined;
  const call = breaker.run(
    (own) => {
      signal = own.signal;
      return work.promise;
    },
    { signal: caller.signal },
  );
  await flush();
  expect(signal?.aborted).toBe(false);
  caller.abort();
  expect(signal?.aborted).toBe(true);
  work.resolve(1);
  await call;
}
