import { firstOf, orThrow } from "./plan/admit.js";
import type { UsageMethods } from "./quota-interface.js";
import type { UsageQuota } from "./usage/usage-quota.js";

/** What a quota offers for usage: of one metric, and of several. */
export function usageMethods<Metrics>(quota: UsageQuota | undefined): UsageMethods<Metrics> {
  // Without a store there is no metric of usage, and no call compiles.
  const usage = (): UsageQuota => quota ?? missing();
  return {
    reserveAll: async (tenantId, units, options = {}) => orThrow(await usage().tryReserve(tenantId, units, options)),
    consumeAll: async (tenantId, units, options = {}) => orThrow(await usage().tryConsume(tenantId, units, options)),
    // oxlint-disable-next-line max-params -- who, of what, how many, and how
    reserve: async (tenantId, metric, units, options = {}) =>
      firstOf(orThrow(await usage().tryReserve(tenantId, { [metric]: units }, options))),
    // oxlint-disable-next-line max-params -- as above
    tryReserve: async (tenantId, metric, units, options = {}) =>
      firstOf(await usage().tryReserve(tenantId, { [metric]: units }, options)),
    // oxlint-disable-next-line max-params -- as above
    consume: async (tenantId, metric, units, options = {}) =>
      firstOf(orThrow(await usage().tryConsume(tenantId, { [metric]: units }, options))),
    // oxlint-disable-next-line max-params -- as above
    tryConsume: async (tenantId, metric, units, options = {}) =>
      firstOf(await usage().tryConsume(tenantId, { [metric]: units }, options)),
  };
}

function missing(): never {
  throw new TypeError("this quota has no metrics of usage");
}
