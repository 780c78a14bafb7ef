import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ModelCall, ModelBreaker, type ModelRule } from "../../test/model-breaker.js";
import { createBreaker } from "../breaker.js";
import { deferred, type Deferred, errorOf } from "../testing/context.js";
import type { Breaker } from "../types.js";

const SEED = 20_261_130;
const RUNS = 200;

const rules: fc.Arbitrary<ModelRule> = fc.record({
  windowMs: fc.constantFrom(100, 1000),
  buckets: fc.constantFrom(1, 2, 5, 10),
  failureRate: fc.constantFrom(0.25, 0.5, 1),
  minimumCalls: fc.integer({ min: 1, max: 6 }),
  consecutiveFailures: fc.constantFrom(undefined, 2, 4),
  baseMs: fc.constantFrom(50, 100, 400),
  maxMs: fc.constantFrom(400, 3200),
  permits: fc.integer({ min: 1, max: 4 }),
  successRate: fc.constantFrom(0.25, 0.5, 1),
  leaseMs: fc.constantFrom(60, 500),
  rampMs: fc.constantFrom(0, 200),
});

type Step =
  | { readonly is: "begin" }
  /** Index of a call in flight, counted from the newest. */
  | { readonly is: "settle"; readonly which: number; readonly outcome: "success" | "failure" | "cancelled" }
  | { readonly is: "advance"; readonly ms: number }
  | { readonly is: "look" }
  | { readonly is: "reset" };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ is: "begin" } as const) },
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant("settle" as const),
      which: fc.nat(5),
      outcome: fc.constantFrom("success", "failure", "failure", "cancelled"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ is: fc.constant("advance" as const), ms: fc.oneof(fc.nat(60), fc.nat(900)) }) },
  { weight: 1, arbitrary: fc.constant({ is: "look" } as const) },
  { weight: 1, arbitrary: fc.constant({ is: "reset" } as const) },
);

function breakerOf(rule: ModelRule, clock: ReturnType<typeof createManualClock>): Breaker {
  const { windowMs, buckets, failureRate, minimumCalls, baseMs, maxMs, permits, successRate, leaseMs, rampMs } = rule;
  const { consecutiveFailures } = rule;
  return createBreaker({
    ...{ name: "model", clock, failureRate, minimumCalls, rampMs },
    window: { type: "time", ms: windowMs, buckets },
    open: { baseMs, maxMs, jitter: 0 },
    halfOpen: { permits, successRate, leaseMs },
    ...(consecutiveFailures !== undefined && { consecutiveFailures }),
  });
}

interface InFlight {
  readonly work: Deferred<unknown>;
  readonly caller: AbortController;
  readonly error: Promise<unknown>;
  readonly model: ModelCall;
}

const failure = new Error("failure");
const lookAt = (breaker: Breaker): object => {
  const { state, calls, failures, openings, retryAfterMs } = breaker.snapshot();
  return { state, calls, failures, openings, retryAfterMs };
};

/** Runs the steps on both, and compares them after each. */
async function runSteps(rule: ModelRule, list: readonly Step[]): Promise<void> {
  const clock = createManualClock();
  const breaker = breakerOf(rule, clock);
  const model = new ModelBreaker(rule);
  const inFlight: InFlight[] = [];

  async function begin(): Promise<void> {
    const work = deferred();
    const caller = new AbortController();
    let isAdmitted = false;
    const call = breaker.run(
      () => {
        isAdmitted = true;
        return work.promise;
      },
      { signal: caller.signal },
    );
    const error = errorOf(call);
    const expected = model.begin(clock.monotonic());
    expect(isAdmitted).toBe(expected !== undefined);
    if (expected !== undefined) inFlight.push({ work, caller, error, model: expected });
    else expect(await error).toMatchObject({ code: "SCALE_OPEN" });
  }

  async function settle({ which, outcome }: Extract<Step, { is: "settle" }>): Promise<void> {
    const [call] = inFlight.splice(Math.max(0, inFlight.length - 1 - which), 1);
    if (call === undefined) return;
    if (outcome === "cancelled") call.caller.abort();
    if (outcome === "success") call.work.resolve(1);
    else call.work.reject(failure);
    await call.error;
    model.settle(clock.monotonic(), call.model, outcome);
  }

  for (const step of list) {
    if (step.is === "begin") await begin();
    else if (step.is === "settle") await settle(step);
    else if (step.is === "advance") clock.advance(step.ms);
    else if (step.is === "reset") {
      breaker.setMode("auto");
      model.reset(clock.monotonic());
    }
    if (step.is === "advance") continue; // Nothing looks at the clock yet.
    expect(lookAt(breaker)).toEqual(model.look(clock.monotonic()));
  }
  for (const { work, error } of inFlight) {
    work.resolve(1);
    await error;
  }
}

describe(`the own engine beside its model (seed ${SEED})`, () => {
  it("is in the same state after every step, however calls, settlements and time interleave", async () => {
    await fc.assert(fc.asyncProperty(rules, fc.array(steps, { minLength: 10, maxLength: 120 }), runSteps), {
      seed: SEED,
      numRuns: RUNS,
    });
  });
});
