import { tenancy } from "@scale/core";
import { contextLeaks, type Look } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { storeWith } from "../../test/store-with.js";
import { requestDecide, slotLose, storeFail } from "../events.js";
import { createRateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";
import type { ConsumeRequest, RateLimitStore } from "../types.js";

const running = { algorithm: "concurrency", limit: 2, by: "tenant", ttl: 60 } as const;

/** A store that fails for every tenant as soon as both hold a slot. */
function failingStore() {
  const memory = memoryStore();
  const state = { holders: 0 };
  const consume = async (request: ConsumeRequest) => {
    // The asynchronous work of a store keeps the context of its caller.
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (state.holders === 2) throw new Error(request.tenantId);
    return memory.consume(request);
  };
  const release: RateLimitStore["release"] = async (held) => {
    if (state.holders === 2) throw new Error(held.tenantId);
    return memory.release(held);
  };
  return { state, store: storeWith(consume, { release }) };
}

describe("what a slot of one tenant does in the background", () => {
  it("never runs in the context of another tenant: renewals, events, onStoreError and abort listeners", async () => {
    const { state, store } = failingStore();
    const looks = new Map<string, Look>();
    const limiter = createRateLimiter({
      ...{ rules: { running }, store },
      onStoreError: (error) => looks.get(error instanceof Error ? error.message : "")?.("onStoreError"),
    });
    const work = (look: Look) => hold(look);

    async function hold(look: Look): Promise<void> {
      const { tenantId } = tenancy.require();
      looks.set(tenantId, look);
      const slot = await limiter.acquire({ tenantId });
      await new Promise<void>((resolve) => {
        slot.signal.addEventListener("abort", () => {
          look("the abort listener");
          resolve();
        });
        state.holders++;
      });
      await slot.release();
    }

    const leaks = await contextLeaks({
      ...{ tenancy, first: work, second: work },
      events: [requestDecide.name, storeFail.name, slotLose.name],
    });
    limiter.close();
    expect(leaks).toEqual([]);
  });
});
