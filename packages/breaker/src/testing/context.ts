import { afterEach, beforeEach, vi } from "vitest";
import { createBreaker } from "../breaker.js";
import type { BreakerEngine } from "../engine/contract.js";
import type { BreakerOptions } from "../options.js";
import type { Action, Breaker } from "../types.js";

export interface SuiteContext {
  /** A breaker of the engine under test: it opens after five failed calls for a second, and probes with one call. */
  create(options?: Partial<BreakerOptions>): Breaker;
  /** Moves all timers and clocks. */
  advance(ms: number): Promise<void>;
}

/** Fakes timers and clocks around each test, so that engines with timers and engines without are moved alike. */
export function suiteContext(engine: BreakerEngine): SuiteContext {
  const created: Breaker[] = [];
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    for (const breaker of created.splice(0)) breaker.dispose();
    vi.useRealTimers();
  });
  return {
    create(options) {
      const breaker = createBreaker({
        ...{ name: "dependency", engine, minimumCalls: 5, open: { baseMs: 1000, jitter: 0 }, rampMs: 0 },
        halfOpen: { permits: 1, successRate: 1, leaseMs: 5000 },
        ...options,
      });
      created.push(breaker);
      return breaker;
    },
    async advance(ms) {
      await vi.advanceTimersByTimeAsync(ms);
    },
  };
}

export const failure: Error = new Error("the dependency failed");

const failing: Action<never> = () => Promise.reject(failure);

/** Calls that fail. @returns the errors of the callers */
export async function failCalls(breaker: Breaker, count: number): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (let i = 0; i < count; i++) errors.push(await errorOf(breaker.run(failing)));
  return errors;
}

export async function succeedCalls(breaker: Breaker, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await breaker.run(() => Promise.resolve(i));
}

/** The error of a promise, `undefined` if it resolves. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T = unknown>(): Deferred<T> {
  let settle: Pick<Deferred<T>, "resolve" | "reject"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return {
    promise,
    resolve: (value) => settle?.resolve(value),
    reject: (error) => settle?.reject(error),
  };
}

/** A call in flight that the test settles. `error` resolves to the error of its caller. */
export interface Pending extends Deferred<unknown> {
  readonly error: Promise<unknown>;
}

export function startCall(breaker: Breaker): Pending {
  const work = deferred();
  return { ...work, error: errorOf(breaker.run(() => work.promise)) };
}

/** Lets everything run that waits for a promise. */
export async function flush(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Opens a breaker, and waits until it admits a probe. */
export async function openAndWait(context: SuiteContext, breaker: Breaker): Promise<void> {
  await failCalls(breaker, 5);
  await context.advance(1000);
}
