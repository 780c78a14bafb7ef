import type { RateLimitRule } from "@scale/core";
import { ruleOf } from "../src/testing/rule.js";
import type { RateLimitStore, ConsumeRequest } from "../src/types.js";

/**
 * A store whose questions never come alone: each stands between two others of the same turn, which only ask. A Redis
 * store decides the first of a turn at once and by itself, and the others as a batch.
 * @param algorithm of the others: one that is not `gcra` keeps the batch from the script for plain rules
 */
export function inBatches(store: RateLimitStore, algorithm: RateLimitRule["algorithm"]): RateLimitStore {
  const rule = ruleOf({ name: "beside", algorithm, limit: 1, windowMs: 1000 });
  const beside: ConsumeRequest = {
    tenantId: "beside",
    cost: 0,
    charges: [{ rule, scope: ["beside"], subject: "beside" }],
  };
  const ask = async (): Promise<void> => void (await store.consume(beside));
  return {
    ...store,
    async consume(take) {
      const [, taken] = await Promise.all([ask(), store.consume(take), ask()]);
      return taken;
    },
  };
}
