export { type Clock, isClock, systemClock } from "./clock.js";
export { createDeadline, type Deadline, withDeadline } from "./deadline.js";
export {
  ConfigError,
  InputError,
  isScaleError,
  PlanError,
  ScaleError,
  StoreError,
  TenantError,
  TimeoutError,
} from "./errors.js";
export { defineEvent, type EventChannel } from "./events.js";
export { joinKey, keySegment, keySegmentText, tenantKey, tenantKeyPrefix } from "./keys.js";
export { parseOptions, show } from "./options.js";
export { type DefinePlansOptions, definePlans } from "./plan/define.js";
export {
  createPlanResolver,
  type PlanAssignment,
  type PlanFallback,
  type PlanResolver,
  type PlanResolverOptions,
  planFallback,
} from "./plan/resolver.js";
export { hard, soft, unlimited } from "./plan/quota-limits.js";
export { saas4 } from "./plan/presets/saas4.js";
export type {
  CacheShare,
  CacheShareInput,
  ConcurrencyRuleInput,
  DatabaseShare,
  DatabaseShareInput,
  PageSize,
  PageSizeInput,
  Plan,
  PlanInput,
  PlanOverrides,
  Plans,
  QuotaLimit,
  QuotaLimitInput,
  RateLimitAlgorithm,
  RateLimitRule,
  RateLimitRuleInput,
  RateLimitRulesInput,
  StoreFailurePolicy,
  Upgrade,
  WindowRuleInput,
} from "./plan/types.js";
export { MAX_ID_LENGTH, parseTenantId, type TenantContext, tenancy } from "./tenancy.js";
export { type Bytes, type Duration, parseBytes, parseDuration } from "./units.js";
