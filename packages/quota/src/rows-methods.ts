import { firstOf, orThrow } from "./plan/admit.js";
import type { RowsMethods } from "./quota-interface.js";
import type { RowsQuota } from "./rows/rows-quota.js";

/** What a quota offers for rows: of one metric, and of several. */
export function rowsMethods<Metrics, Db>(quota: RowsQuota<Db> | undefined): RowsMethods<Metrics, Db> {
  // Without a store there is no metric of rows, and no call compiles.
  const rows = (): RowsQuota<Db> => quota ?? missing();
  return {
    useAll: async (tenantId, units, options) => orThrow(await rows().tryUse(tenantId, units, options)),
    tryUseAll: async (tenantId, units, options) => rows().tryUse(tenantId, units, options),
    giveBackAll: async (tenantId, units, options) => rows().giveBack(tenantId, units, options),
    // oxlint-disable-next-line max-params -- who, of what, how many, and in which transaction
    use: async (tenantId, metric, units, options) =>
      firstOf(orThrow(await rows().tryUse(tenantId, { [metric]: units }, options))),
    // oxlint-disable-next-line max-params -- as above
    tryUse: async (tenantId, metric, units, options) =>
      firstOf(await rows().tryUse(tenantId, { [metric]: units }, options)),
    // oxlint-disable-next-line max-params -- as above
    giveBack: async (tenantId, metric, units, options) =>
      firstOf(await rows().giveBack(tenantId, { [metric]: units }, options)),
  };
}

function missing(): never {
  throw new TypeError("this quota has no metrics of rows");
}
