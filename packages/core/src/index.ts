export { type Clock, systemClock } from "./clock.js";
export { deadline } from "./deadline-context.js";
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
export type { EventChannel } from "./events.js";
export { type DefinePlansOptions, definePlans } from "./plan/define.js";
export { onceAcrossReloads } from "./once-across-reloads.js";
export { type PlanFallback, planFallback } from "./plan/events.js";
export { createPlanResolver, type PlanResolver, type PlanResolverOptions } from "./plan/resolver.js";
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
  PlanAssignment,
  PlanInput,
  PlanOverrides,
  Plans,
  QueueShare,
  QueueShareInput,
  QuotaLimit,
  QuotaLimitInput,
  RateLimitAlgorithm,
  RateLimitBlock,
  RateLimitBlockInput,
  RateLimitRule,
  RateLimitRuleInput,
  RateLimitRulesInput,
  MissingSubjectPolicy,
  RealtimeShare,
  RealtimeShareInput,
  StoreFailurePolicy,
  Upgrade,
  WindowRuleInput,
} from "./plan/types.js";
export { type TenantContext, tenancy } from "./tenancy.js";
export type { Bytes, Duration } from "./units.js";
