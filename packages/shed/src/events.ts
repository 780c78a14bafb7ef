import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { RefusalReason } from "./types.js";

export interface RequestShed {
  readonly shedder: string;
  readonly tenantId: string;
  readonly reason: RefusalReason;
  readonly retryAfterMs: number;
}

/** Published for every request that a shedder refuses. */
export const requestShed: EventChannel<RequestShed> = defineEvent("scale:shed:request-shed");

export interface LimitChanged {
  readonly shedder: string;
  /** Cost that may be in progress at once, before and after. */
  readonly from: number;
  readonly to: number;
}

/** Published when the concurrency limit of a shedder changes. */
export const limitChange: EventChannel<LimitChanged> = defineEvent("scale:shed:limit-change");

export interface BrakeChanged {
  readonly shedder: string;
  readonly isBraking: boolean;
  readonly eventLoopDelayMs: number;
}

/** Published when a shedder begins or ends to limit admissions because the event loop is late. */
export const brakeChange: EventChannel<BrakeChanged> = defineEvent("scale:shed:brake-change");

export interface CircuitSet {
  readonly breaker: string;
  /** Key within a registry. */
  readonly key: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly changedBy: string;
  readonly note: string | undefined;
}

/** Published when an operator sets the mode of a breaker through the routes of `degradationGuard`. */
export const circuitSet: EventChannel<CircuitSet> = defineEvent("scale:shed:circuit-set");
