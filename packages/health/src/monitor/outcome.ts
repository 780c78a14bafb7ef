import { describeValue } from "@scale/core/kit";
import type { CheckOutcome } from "../types.js";
import { describeFailure, maskText } from "./mask.js";

const PASS: CheckOutcome = Object.freeze({ status: "pass" });

/**
 * The outcome of what a check returned. Only nothing and an object with a status count: `false`, `"no"` and a forgotten
 * `await` are mistakes, not answers.
 */
export function outcomeOf(returned: unknown): CheckOutcome {
  if (returned === undefined) return PASS;
  try {
    const outcome = readOutcome(returned);
    if (outcome !== undefined) return outcome;
  } catch (error) {
    return failure(error);
  }
  return {
    status: "fail",
    output: maskText(`the check returned ${describeValue(returned)}; expected nothing, or an object with a status`),
  };
}

/** The outcome of a check that threw, rejected or was late. */
export const failure = (error: unknown): CheckOutcome => ({ status: "fail", output: describeFailure(error) });

function readOutcome(value: unknown): CheckOutcome | undefined {
  if (typeof value !== "object" || value === null || !("status" in value)) return undefined;
  const { status } = value;
  if (status !== "pass" && status !== "warn" && status !== "fail") return undefined;
  const output = "output" in value ? value.output : undefined;
  const observed = "observedValue" in value ? value.observedValue : undefined;
  const unit = "observedUnit" in value ? value.observedUnit : undefined;
  return {
    status,
    ...(typeof output === "string" && output !== "" && { output: maskText(output) }),
    ...(typeof observed === "number" && Number.isFinite(observed) && { observedValue: observed }),
    ...(typeof observed === "string" && { observedValue: maskText(observed) }),
    ...(typeof unit === "string" && { observedUnit: maskText(unit) }),
  };
}
