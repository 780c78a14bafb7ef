import { ConsecutiveWindow } from "./consecutive-window.js";
import type { BreakerSettings } from "./contract.js";
import { CountWindow } from "./count-window.js";
import { TimeWindow } from "./time-window.js";
import type { CallWindow } from "./window.js";

export function createWindow({ window, slowCall }: BreakerSettings): CallWindow {
  if (window.type === "time") return new TimeWindow(window.ms, window.buckets, slowCall !== undefined);
  if (window.type === "count") return new CountWindow(window.calls, window.staleAfterMs);
  return new ConsecutiveWindow(window.staleAfterMs);
}

export type TripReason = "failure-rate" | "slow-rate" | "consecutive-failures";

/** Whether the calls of a window open the breaker. Looked at after every settled call. */
export function tripReason(
  { calls, failures, slow }: CallWindow,
  consecutive: number,
  { window, minimumCalls, failureRate, consecutiveFailures, slowCall }: BreakerSettings,
): TripReason | undefined {
  if (consecutiveFailures !== undefined && consecutive >= consecutiveFailures) return "consecutive-failures";
  if (window.type === "consecutive") return failures >= window.failures ? "consecutive-failures" : undefined;
  if (calls < minimumCalls) return undefined;
  if (failures > 0 && failures >= failureRate * calls) return "failure-rate";
  return slowCall !== undefined && slow > 0 && slow >= slowCall.rate * calls ? "slow-rate" : undefined;
}
