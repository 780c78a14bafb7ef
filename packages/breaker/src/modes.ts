import { describeValue } from "@scale/core/kit";
import type { BreakerMode } from "./types.js";

export const BREAKER_MODES = ["auto", "forced-open", "forced-closed", "disabled", "metrics-only"] as const;

/** @throws {TypeError} for a value that is no mode: it may come from a request of an operator */
export function checkMode(mode: unknown): BreakerMode {
  const known = BREAKER_MODES.find((each) => each === mode);
  if (known !== undefined) return known;
  throw new TypeError(`setMode: expected ${BREAKER_MODES.join(", ")}, got ${describeValue(mode)}`);
}
