import { describeValue, wasNotSent } from "@scale/core/kit";
import type { Decision } from "../types.js";
import type { Correction } from "./corrections.js";
import type { Decider } from "./decider.js";
import { ChargedDecision } from "./decision.js";

interface Limiter {
  readonly name: string;
  readonly decider: Decider;
}

/** Returns units of a decision, or repeats a refund whose outcome is unknown: see `RateLimiter.refund`. */
export async function refundDecision(decision: Decision, units: number | undefined, limiter: Limiter): Promise<void> {
  const charged = chargedDecision(decision, limiter.name, "refund");
  if (charged === undefined) return;
  const { corrections } = charged;
  const repeated = corrections.unsettled.find(({ refund, units: before }) => refund !== undefined && before === units);
  if (repeated !== undefined) return apply(repeated, charged, limiter);
  if (units === undefined && corrections.unsettled.length > 0) await repeatUnsettled(charged, limiter);
  // No await between this and the refund: another call must find the units counted as refunded.
  const left = corrections.refundable;
  if (units !== undefined && !(Number.isSafeInteger(units) && units >= 0 && units <= left)) {
    throw new TypeError(`refund: units: expected an integer up to ${left}, got ${describeValue(units)}`);
  }
  if ((units ?? left) > 0) await apply(corrections.refund(units ?? left), charged, limiter);
}

/** Corrects the units of a decision to what the work cost: see `RateLimiter.settle`. */
export async function settleDecision(decision: Decision, units: number, limiter: Limiter): Promise<void> {
  if (!Number.isSafeInteger(units) || units < 0) {
    throw new TypeError(`settle: units: expected an integer >= 0, got ${describeValue(units)}`);
  }
  const charged = chargedDecision(decision, limiter.name, "settle");
  if (charged === undefined) return;
  if (!decision.allowed && units > 0) {
    throw new TypeError(`settle: decision: expected one that was allowed, got a denial, with ${units} units`);
  }
  const { corrections } = charged;
  const least = corrections.units - corrections.refundable;
  if (units < least) {
    throw new TypeError(`settle: units: expected at least ${least}, which were charged on top, got ${units}`);
  }
  if (corrections.unsettled.length > 0) await repeatUnsettled(charged, limiter);
  const more = units - corrections.units;
  if (more > 0) await apply(corrections.add(more), charged, limiter);
  if (more < 0) await apply(corrections.refund(-more), charged, limiter);
}

async function repeatUnsettled(decision: ChargedDecision, limiter: Limiter): Promise<void> {
  for (const correction of decision.corrections.unsettled) await apply(correction, decision, limiter);
}

async function apply(correction: Correction, decision: ChargedDecision, { decider }: Limiter): Promise<void> {
  const { corrections } = decision;
  try {
    await decider.correct(correction, decision.decidedBy);
  } catch (error) {
    corrections.fail(correction, wasNotSent(error));
    throw error;
  }
  corrections.settle(correction);
}

/**
 * @returns `undefined` for a decision without counts
 * @throws {TypeError} for a decision of another limiter, and for one that no limiter made
 */
function chargedDecision(decision: Decision, name: string, call: string): ChargedDecision | undefined {
  if (decision.decidedBy === "policy" || decision.decidedBy === "unlimited") return undefined;
  if (ChargedDecision.is(decision) && decision.limiter === name) return decision;
  throw new TypeError(`${call}: expected a decision of limiter ${describeValue(name)}, got ${describeValue(decision)}`);
}
