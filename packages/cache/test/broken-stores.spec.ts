import { describeCacheStore } from "../src/testing/index.js";
import { brokenStores } from "./broken-stores.js";

// Run by `src/testing/contract.test.ts`: here tests must fail.
for (const [name, { create }] of Object.entries(brokenStores)) {
  describeCacheStore(name, () => ({ stores: create() }));
}
