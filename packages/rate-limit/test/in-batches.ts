import type { RateLimitRule } from "@scale/core";
import { ruleOf } from "../src/testing/rule.js";
import type { RateLimitStore, ConsumeRequest } from "../src/types.js";

/**
 * A store whose requests never come alone: each is sent between two other requests of the same turn, with a cost of 0. A
 * Redis store decides the first request of a turn by itself, and the others as a batch.
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
    async consume(request) {
      const [, result] = await Promise.all([ask(), store.consume(request), ask()]);
      return result;
    },
  };
}
