export { createBreaker } from "./breaker.js";
export { classifyErrors, classifyHttp } from "./classify.js";
export type { BreakerEngine, BreakerSettings, EngineHooks, EngineInput, WindowSettings } from "./engine/contract.js";
export { ownEngine } from "./engine/circuit.js";
export { BusyError, ClosedError, OpenError, type OpenErrorInit } from "./errors.js";
export {
  type CallRefused,
  callRefuse,
  type FallbackUsed,
  fallbackUse,
  type HedgeStarted,
  hedgeStart,
  type LimitChanged,
  limitChange,
  type ModeChanged,
  modeChange,
  type RetryRefused,
  retryRefuse,
  type RetryStarted,
  retryStart,
  type ShareFailed,
  shareFail,
  type StateChanged,
  stateChange,
  type TripWithheld,
  tripWithhold,
} from "./events.js";
export type {
  BreakerOptions,
  ConsecutiveWindowOptions,
  CountWindowOptions,
  HalfOpenOptions,
  OpenOptions,
  TimeWindowOptions,
} from "./options.js";
export { type AdaptiveLimit, adaptiveLimit, type AdaptiveLimitOptions } from "./policies/adaptive-limit.js";
export { type Budget, type BudgetOptions, createBudget } from "./policies/budget.js";
export { type Bulkhead, bulkhead, type BulkheadOptions } from "./policies/bulkhead.js";
export { compose } from "./policies/compose.js";
export { DEADLINE_HEADER, deadlineHeaders, readDeadline } from "./policies/deadline-header.js";
export { type FallbackOptions, type FallbackPolicy, withFallback } from "./policies/fallback.js";
export { hedge, type HedgeOptions } from "./policies/hedge.js";
export { retry, type RetryOptions } from "./policies/retry.js";
export { type ServicePolicy, servicePolicy, type ServicePolicyOptions } from "./policies/service.js";
export { timeout, type TimeoutOptions } from "./policies/timeout.js";
export { type Breakers, type BreakersOptions, createBreakers } from "./registry.js";
export type { BreakerShare, ProbeClaim, ShareAdvice, SharedBreaker } from "./share.js";
export type {
  Action,
  Breaker,
  BreakerMode,
  BreakerSnapshot,
  BreakerState,
  CallContext,
  CallInput,
  CallOptions,
  ChangeReason,
  Classify,
  Outcome,
  Policy,
  Settled,
} from "./types.js";
