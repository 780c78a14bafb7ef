import { wrongResult } from "@scale/core/kit";
import type { Call } from "../call.js";
import { isLocalRefusal } from "../classify.js";
import type { Outcome, Settled } from "../types.js";
import type { BreakerSettings } from "./contract.js";

/**
 * How a settled call counts. `release`: it says nothing at all, because the dependency was not asked or the caller lost
 * interest, so that a probe gives its permit back.
 */
export function outcomeOf(settled: Settled, call: Call | undefined, settings: BreakerSettings): Outcome | "release" {
  if (call === undefined) return "release";
  if ("error" in settled && (isLocalRefusal(settled.error) || call.isCancelled)) return "release";
  try {
    return checked(settings.classify(settled));
  } catch (error) {
    warnOnce(settings, error);
    return "failure";
  }
}

/** A promise, or nothing for a forgotten `return`, is a mistake that would otherwise count as a success for ever. */
function checked(outcome: unknown): Outcome {
  if (outcome === "success" || outcome === "failure" || outcome === "ignore") return outcome;
  throw wrongResult("classify", '"success", "failure" or "ignore"', outcome);
}

const warned = new WeakSet<BreakerSettings>();

/** Once for each breaker: the mistake is made for every call. */
function warnOnce(settings: BreakerSettings, error: unknown): void {
  if (warned.has(settings)) return;
  warned.add(settings);
  process.emitWarning(
    `breaker ${settings.name}: classify threw, and such calls count as failures: ${describeError(error)}`,
  );
}

/** A thrown object without a prototype cannot be converted to a string. */
function describeError(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "an object that cannot be converted to a string";
  }
}
