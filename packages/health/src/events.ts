import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { DrainReport } from "./drain/report.js";
import type { HealthStatus } from "./types.js";

export interface CheckChanged {
  readonly check: string;
  readonly group: string;
  readonly critical: boolean;
  /** `undefined` for the first result. */
  readonly from: HealthStatus | undefined;
  readonly to: HealthStatus;
  /** Credentials are masked. */
  readonly output: string | undefined;
}

/** Published when the status of a check changes, and for its first result. */
export const checkChange: EventChannel<CheckChanged> = defineEvent("scale:health:check-change");

/** Published when a drain starts. */
export const drainStart: EventChannel<{ readonly reason: string }> = defineEvent("scale:health:drain-start");

/** Published when a drain has ended, before the process exits. */
export const drainEnd: EventChannel<DrainReport> = defineEvent("scale:health:drain-end");

/** Published when `authorize` of the health routes throws or is late. The caller gets the terse reply. */
export const authorizeFail: EventChannel<{ readonly error: unknown }> = defineEvent("scale:health:authorize-fail");
