import type { RateLimitRule } from "@scale/core";
import { describe } from "vitest";
import { describeConcurrentRequests, describeMixedAlgorithms, describeShadow } from "./store/batches.js";
import { describeBlocks } from "./store/blocks.js";
import { describeChanges } from "./store/changes.js";
import { type CreateStore, freshStores, type WindowAlgorithm } from "./store/context.js";
import { describeIsolation } from "./store/isolation.js";
import { describeSlots } from "./store/slots.js";
import {
  describeFixedWindow,
  describeGcra,
  describeSlidingWindow,
  describeStrictWindow,
  describeWindows,
} from "./store/windows.js";

export type { CreateStore } from "./store/context.js";

const ALL = ["gcra", "sliding-window", "strict-window", "fixed-window", "concurrency"] as const;

const OWN = {
  gcra: describeGcra,
  "sliding-window": describeSlidingWindow,
  "strict-window": describeStrictWindow,
  "fixed-window": describeFixedWindow,
} as const;

/**
 * The contract of every `RateLimitStore`, as tests. Call it in a vitest file with a function that creates an empty store,
 * and add tests of what only your backend has: expiry, reconnects, a cluster.
 * @param options `algorithms` that the store implements, default: all; `blocks: false` for a store that ignores `block`
 */
export function describeRateLimitStore(
  name: string,
  create: CreateStore,
  {
    algorithms = ALL,
    blocks = true,
  }: { readonly algorithms?: readonly RateLimitRule["algorithm"][]; readonly blocks?: boolean } = {},
): void {
  const windows = algorithms.filter((algorithm): algorithm is WindowAlgorithm => algorithm !== "concurrency");
  describe(`RateLimitStore: ${name}`, () => {
    const context = freshStores(create);
    for (const algorithm of windows) {
      describeWindows(context, algorithm);
      OWN[algorithm](context);
      describeChanges(context, algorithm);
      if (blocks) describeBlocks(context, algorithm);
      describeConcurrentRequests(context, algorithm);
    }
    if (algorithms.includes("concurrency")) describeSlots(context);
    for (const algorithm of algorithms) describeShadow(context, algorithm);
    describeMixedAlgorithms(context, algorithms);
    // The last algorithm may use another kind of key than the others, as slots do.
    for (const algorithm of new Set([...algorithms.slice(0, 1), ...algorithms.slice(-1)])) {
      describeIsolation(context, algorithm);
    }
  });
}
