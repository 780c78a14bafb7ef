import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

export interface TrackingFailed {
  readonly error: unknown;
}

/**
 * Published when Redis stops to tell a process what changes, and for each failed attempt to have it told again: until one
 * succeeds, memory is as if the subscription were lost. Also when it cannot be found out whether a change was this
 * process's own: then it counts as another's.
 */
export const trackingFail: EventChannel<TrackingFailed> = defineEvent("scale:cache:tracking-fail");
