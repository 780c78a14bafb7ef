import type { CheckOptions, CheckOutcome, HealthCheck } from "../types.js";
import type { BreakerLike, BreakerSource, BreakersLike } from "./breaker-state.js";

/**
 * Follows a breaker, or a registry of breakers. It sends nothing: the calls of the application have found out already. An
 * open breaker fails, and a registry fails when all of its breakers are open. `createHealth({ breakers })` makes these checks
 * for a list of them; use this one for a breaker that is critical.
 */
export function breakerCheck(breaker: BreakerSource, options: CheckOptions = {}): HealthCheck {
  const key = "state" in breaker ? breaker.key : undefined;
  return {
    name: `breaker:${breaker.name}${key === undefined ? "" : `:${key}`}`,
    group: "breakers",
    // Reading a state costs nothing, and a breaker has its own damping.
    everyMs: 1_000,
    failAfter: 1,
    passAfter: 1,
    ...options,
    run: () => ("state" in breaker ? ofBreaker(breaker) : ofRegistry(breaker)),
  };
}

function ofBreaker({ state, mode = "auto" }: BreakerLike): CheckOutcome {
  if (mode === "forced-open") return { status: "fail", observedValue: mode, output: "opened by hand" };
  if (mode !== "auto") return { status: "pass", observedValue: mode };
  if (state === "open") return { status: "fail", observedValue: state };
  return { status: state === "half-open" || state === "ramping" ? "warn" : "pass", observedValue: state };
}

function ofRegistry({ size, openCount }: BreakersLike): CheckOutcome {
  const observed = { observedValue: openCount, observedUnit: "open breakers" };
  if (openCount === 0) return { status: "pass", ...observed };
  return {
    status: openCount >= size ? "fail" : "warn",
    ...observed,
    output: `${openCount} of ${size} breakers are open`,
  };
}
