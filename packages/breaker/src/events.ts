import { type EventChannel, tenancy } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { BreakerMode, BreakerState, ChangeReason } from "./types.js";

export interface StateChanged {
  readonly breaker: string;
  readonly key: string | undefined;
  readonly from: BreakerState;
  readonly to: BreakerState;
  readonly reason: ChangeReason;
  /** Settled calls in the window before the change. */
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  /** How long the breaker stays open, in milliseconds; 0 for other states. */
  readonly openMs: number;
}

/** Published when a breaker changes its state. No timer runs: the end of an open time is noticed by the next call or look. */
export const stateChange: EventChannel<StateChanged> = defineEvent("scale:breaker:state-change");

export interface ModeChanged {
  readonly breaker: string;
  readonly key: string | undefined;
  readonly from: BreakerMode;
  readonly to: BreakerMode;
}

/** Published when a breaker is overridden by hand. */
export const modeChange: EventChannel<ModeChanged> = defineEvent("scale:breaker:mode-change");

export interface TripWithheld {
  readonly breaker: string;
  readonly key: string | undefined;
  readonly reason: "metrics-only" | "max-open-fraction";
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
}

/** Published when a breaker reached its threshold and stays closed all the same. Its window starts empty after it. */
export const tripWithhold: EventChannel<TripWithheld> = defineEvent("scale:breaker:trip-withhold");

export interface CallRefused {
  /** Tenant of the caller's context, if there is one. */
  readonly tenantId: string | undefined;
  readonly breaker: string;
  readonly key: string | undefined;
  readonly state: BreakerState | "forced-open";
  readonly retryAfterMs: number;
}

/** Published when a breaker refuses a call. */
export const callRefuse: EventChannel<CallRefused> = defineEvent("scale:breaker:call-refuse");

export interface ShareFailed {
  readonly breaker: string;
  readonly key: string | undefined;
  readonly operation: "report-open" | "report-closed" | "claim-probe" | "read-advice";
  readonly error: unknown;
}

/** Published when the shared state did not answer. The breaker decides alone. */
export const shareFail: EventChannel<ShareFailed> = defineEvent("scale:breaker:share-fail");

export interface RetryStarted {
  readonly tenantId: string | undefined;
  readonly policy: string;
  /** Number of the attempt that starts after the delay. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly error: unknown;
}

/** Published before a retry waits for its back-off. */
export const retryStart: EventChannel<RetryStarted> = defineEvent("scale:breaker:retry-start");

export interface RetryRefused {
  readonly tenantId: string | undefined;
  readonly policy: string;
  readonly attempt: number;
  readonly reason: "budget" | "deadline";
  readonly error: unknown;
}

/** Published when an error could be retried, and the budget or the deadline has no room. */
export const retryRefuse: EventChannel<RetryRefused> = defineEvent("scale:breaker:retry-refuse");

export interface HedgeStarted {
  readonly tenantId: string | undefined;
  readonly policy: string;
  readonly attempt: number;
  readonly delayMs: number;
}

/** Published when a second attempt starts beside one that is slow. */
export const hedgeStart: EventChannel<HedgeStarted> = defineEvent("scale:breaker:hedge-start");

export interface FallbackUsed {
  readonly tenantId: string | undefined;
  readonly policy: string;
  readonly error: unknown;
}

/** Published when a fallback takes the place of a failed call. */
export const fallbackUse: EventChannel<FallbackUsed> = defineEvent("scale:breaker:fallback-use");

export interface LimitChanged {
  readonly policy: string;
  readonly from: number;
  readonly to: number;
  /** Median latency of the last window, in milliseconds. */
  readonly latencyMs: number;
  /** Latency without a queue, in milliseconds. */
  readonly baselineMs: number;
}

/** Published when an adaptive limit moves. */
export const limitChange: EventChannel<LimitChanged> = defineEvent("scale:breaker:limit-change");

/** Tenant of the current work, for events that are about a call. */
export const callerTenant = (): string | undefined => tenancy.current()?.tenantId;
