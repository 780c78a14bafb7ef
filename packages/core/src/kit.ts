export { booleanResult, checkedCallback, optionalStringResult, wrongResult } from "./checked-callback.js";
export { isClock } from "./clock.js";
export { createDeadline, type Deadline, MAX_TIMER_MS, withDeadline, withStoreDeadline } from "./deadline.js";
export { describeValue } from "./describe-value.js";
export { wasNotSent } from "./errors.js";
export { isStrongSecret, maskSecrets } from "./mask-secrets.js";
export { defineEvent } from "./events.js";
export {
  type AcquireOptions,
  FairSemaphore,
  type FairSemaphoreOptions,
  type SemaphoreRefusal,
} from "./fair-semaphore.js";
export { formatIp, type IpBytes, isIpv4Mapped, maskIp, parseIpBytes, parseIp } from "./ip.js";
export { joinKey, keySegment, keySegmentText, tenantKey, tenantKeyPrefix } from "./keys.js";
export {
  clockOption,
  durationOption,
  functionOption,
  hasMethod,
  methodOption,
  prefixOption,
  redisOption,
  timeoutOption,
} from "./option-fragments.js";
export { parseOptions } from "./options.js";
export { registerLive } from "./once-across-reloads.js";
export { shareOf } from "./plan/share.js";
export { inRootContext } from "./root-context.js";
export { isPromiseLike, startThenable } from "./start-thenable.js";
export { EXPECTED_ID, isStorableId, MAX_ID_LENGTH, parseTenantId } from "./tenancy.js";
export { parseBytes, parseDuration } from "./units.js";
