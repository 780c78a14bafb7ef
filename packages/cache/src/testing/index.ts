import { describe } from "vitest";
import { type CreatedStores, freshStores } from "./context.js";
import { describeInvalidation } from "./invalidation.js";
import { describeLeases } from "./leases.js";
import { describeSubscription } from "./subscription.js";
import { describeWrites } from "./writes.js";

export {
  at,
  claim,
  content,
  type StoreFixture,
  type CreatedStores,
  freshStores,
  invalidation,
  lease,
  put,
  textOf,
} from "./context.js";

/**
 * The contract of a `CacheStore`, as tests. Call it in a vitest file with a function that creates two stores over the same
 * entries, and add tests for the properties of your backend: expiry, reconnects, a cluster.
 */
export function describeCacheStore(name: string, create: () => CreatedStores | Promise<CreatedStores>): void {
  describe(`CacheStore: ${name}`, () => {
    const context = freshStores(create);
    describeLeases(context);
    describeWrites(context);
    describeInvalidation(context);
    describeSubscription(context);
  });
}
