import { describe, expect, it } from "vitest";
import { createBreaker } from "./breaker.js";
import { classifyHttp } from "./classify.js";
import { opossumEngine } from "./opossum/engine.js";
import { adaptiveLimit } from "./policies/adaptive-limit.js";
import { createBudget } from "./policies/budget.js";
import { retry } from "./policies/retry.js";
import { createBreakers } from "./registry.js";
import type { BreakerShare, ProbeClaim } from "./share.js";
import { deferred, errorOf, failCalls, flush } from "./testing/context.js";
import type { BreakerMode } from "./types.js";

/** An error that throws at every look, as proxies and broken getters do. */
function untouchable(): Error {
  const touched = (): never => {
    throw new Error("touched");
  };
  const headers = { get: touched };
  return Object.defineProperties(new Error("down"), {
    headers: { get: () => headers },
    status: { get: touched },
    statusCode: { get: touched },
    retryAfterMs: { get: touched },
  });
}

describe("a thrown value that cannot be looked at", () => {
  it("reaches the caller through every policy, and counts as a failure", async () => {
    const thrown = untouchable();
    const breaker = createBreaker({ name: "rates", minimumCalls: 2, classify: classifyHttp });
    const policies = [breaker, retry({ budget: createBudget(), baseMs: 0 }), adaptiveLimit()];
    for (const policy of policies) {
      expect(await errorOf(policy.run(() => Promise.reject(thrown), { idempotent: true }))).toBe(thrown);
    }
    await errorOf(breaker.run(() => Promise.reject(thrown)));
    expect(breaker.state).toBe("open");
  });

  it("does not fail a call that succeeded with such a value", async () => {
    const value = untouchable();
    const breaker = createBreaker({ name: "rates", classify: classifyHttp });
    for (const policy of [breaker, retry({ budget: createBudget() }), adaptiveLimit()]) {
      expect(await policy.run(() => value)).toBe(value);
    }
  });
});

describe("an unknown mode", () => {
  it.each([undefined, opossumEngine])("is refused, and changes nothing", (engine) => {
    const breaker = createBreaker({ name: "rates", ...(engine && { engine }) });
    for (const mode of ["ajar", "", undefined, null, "constructor"]) {
      expect(() => breaker.setMode(mode as BreakerMode)).toThrow(/setMode: expected auto, forced-open, .* got/);
    }
    expect(breaker.mode).toBe("auto");
    breaker.dispose();
  });
});

describe("dispose", () => {
  it("refuses the call that waits for the right to probe", async () => {
    const claim = deferred<ProbeClaim>();
    const share: BreakerShare = {
      quorum: 2,
      forBreaker: () => ({
        reportOpen: async () => undefined,
        reportClosed: async () => undefined,
        readAdvice: async () => ({ openInstances: 0, retryAfterMs: 0 }),
        claimProbe: () => claim.promise,
      }),
    };
    const breaker = createBreaker({ name: "rates", minimumCalls: 1, open: { baseMs: 1, jitter: 0 }, share });
    await failCalls(breaker, 1);
    await expect.poll(() => breaker.snapshot().retryAfterMs).toBe(0);
    let hasRun = false;
    const probe = errorOf(breaker.run(() => (hasRun = true)));
    await flush();
    breaker.dispose();
    claim.resolve({ isGranted: true });
    expect(await probe).toMatchObject({ code: "SCALE_CLOSED" });
    expect(hasRun).toBe(false);
  });

  it("ends a registry: no key gets a new breaker, and none is kept", async () => {
    const breakers = createBreakers({ name: "shops" });
    await breakers.run(() => 1, { key: "a" });
    breakers.dispose();
    for (const key of ["a", "new"]) {
      expect(await errorOf(breakers.run(() => 1, { key }))).toMatchObject({ code: "SCALE_CLOSED" });
    }
    expect(breakers.size).toBe(0);
    expect(breakers.worst(10)).toEqual([]);
    breakers.dispose();
  });
});

describe("worst", () => {
  it("takes a number for what it is", () => {
    const breakers = createBreakers({ name: "shops" });
    for (const key of ["a", "b", "c"]) breakers.get(key);
    expect([1.5, 2, Infinity].map((count) => breakers.worst(count).length)).toEqual([1, 2, 3]);
    expect([0, -1, Number.NaN].map((count) => breakers.worst(count).length)).toEqual([0, 0, 0]);
  });
});
