import { describe } from "vitest";
import { type CreateStores, freshStores } from "./context.js";
import { describeFeed } from "./feed.js";
import { describeInvalidation } from "./invalidation.js";
import { describeLeases } from "./leases.js";
import { describeWrites } from "./writes.js";

export type { CreateStores } from "./context.js";

/**
 * What every CacheStore must do. Call it in a vitest file with a function that makes two stores over the same entries; add
 * tests of what only your backend has: expiry, reconnects, a cluster.
 */
export function describeCacheStore(name: string, create: CreateStores): void {
  describe(`CacheStore: ${name}`, () => {
    const context = freshStores(create);
    describeLeases(context);
    describeWrites(context);
    describeInvalidation(context);
    describeFeed(context);
  });
}
