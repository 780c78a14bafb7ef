import { describe } from "vitest";
import { describeChanges } from "./store/changes.js";
import { type Algorithm, type CreateStore, freshStores, type WindowAlgorithm } from "./store/context.js";
import { describeIsolation } from "./store/isolation.js";
import { describeSlots } from "./store/slots.js";
import { describeMixed, describeShadow, describeTogether } from "./store/batches.js";
import {
  describeFixedWindow,
  describeGcra,
  describeSlidingWindow,
  describeStrictWindow,
  describeWindows,
} from "./store/windows.js";

export type { CreateStore } from "./store/context.js";

export interface StoreSuiteOptions {
  /**
   * The algorithms that the store knows.
   * @default all
   */
  readonly algorithms?: readonly Algorithm[];
}

const ALL = ["gcra", "sliding-window", "strict-window", "fixed-window", "concurrency"] as const;

const OWN = {
  gcra: describeGcra,
  "sliding-window": describeSlidingWindow,
  "strict-window": describeStrictWindow,
  "fixed-window": describeFixedWindow,
} as const;

/**
 * What every RateLimitStore must do. Call it in a vitest file with a function that makes an empty store; add tests of
 * what only your backend has: expiry, reconnects, a cluster.
 */
export function describeRateLimitStore(
  name: string,
  create: CreateStore,
  { algorithms = ALL }: StoreSuiteOptions = {},
): void {
  const windows = algorithms.filter((algorithm): algorithm is WindowAlgorithm => algorithm !== "concurrency");
  describe(`RateLimitStore: ${name}`, () => {
    const context = freshStores(create);
    for (const algorithm of windows) {
      describeWindows(context, algorithm);
      OWN[algorithm](context);
      describeChanges(context, algorithm);
      describeTogether(context, algorithm);
    }
    if (algorithms.includes("concurrency")) describeSlots(context);
    for (const algorithm of algorithms) describeShadow(context, algorithm);
    describeMixed(context, algorithms);
    // The last may be of another kind of key than the others, as slots are.
    for (const algorithm of new Set([...algorithms.slice(0, 1), ...algorithms.slice(-1)])) {
      describeIsolation(context, algorithm);
    }
  });
}
