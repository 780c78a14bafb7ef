import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { createRetryQueue } from "./retry-queue.js";
import type { CacheStore, Invalidation } from "../store.js";

const ended = (tenantId: string, what: Partial<Invalidation> = {}): Invalidation => ({
  ...{ tenantId, keys: [], tags: [], all: false, from: "me" },
  ...what,
});

function queueOver(invalidate: CacheStore["invalidate"]) {
  const never = (): Promise<never> => Promise.reject(new Error("unexpected call"));
  const store: CacheStore = {
    ...{
      leaseMs: 1,
      read: never,
      readWithoutLease: never,
      claim: never,
      fillIn: never,
      release: never,
      renew: never,
    },
    invalidate,
  };
  const clock = createManualClock();
  return { clock, queue: createRetryQueue(store, { clock, from: "me" }) };
}

describe("createRetryQueue", () => {
  it("holds ten thousand tenants, and reports when it is full", () => {
    const { queue } = queueOver(() => Promise.reject(new Error("down")));
    const kept = Array.from({ length: 10_001 }, (_, i) => queue.add(ended(`tenant-${i}`, { keys: ["row:a"] })));
    expect([kept.indexOf(false), queue.add(ended("tenant-0", { all: true }))]).toEqual([10_000, true]);
    queue.close();
  });

  it("keeps an invalidation that is added while it sends", async () => {
    const onItsWay = gate();
    const sent: Invalidation[] = [];
    const { queue } = queueOver(async (what) => {
      sent.push(what);
      if (sent.length === 1) await onItsWay.opened;
    });
    queue.add(ended("acme", { keys: ["row:a"] }));
    const first = queue.flush("acme");
    queue.add(ended("acme", { keys: ["row:b"] }));
    onItsWay.open();
    expect([await first, queue.has("acme"), queue.size()]).toEqual([false, true, 1]);
    expect([await queue.flush("acme"), queue.has("acme")]).toEqual([true, false]);
    expect(sent.map(({ keys }) => keys)).toEqual([["row:a"], ["row:b"]]);
    queue.close();
  });

  it("merges a failed invalidation with later ones, and backs off before it tries again", async () => {
    let calls = 0;
    let isDown = true;
    const sent: Invalidation[] = [];
    const { queue, clock } = queueOver(async (what) => {
      calls++;
      if (isDown) throw new Error("down");
      sent.push(what);
    });
    queue.add(ended("acme", { keys: ["row:a"], tags: ["t"] }));
    const first = queue.flush("acme");
    queue.add(ended("acme", { keys: ["row:b"] }));
    expect([await first, await queue.flush("acme"), calls]).toEqual([false, false, 1]);
    isDown = false;
    clock.advance(250);
    expect(await queue.flush("acme")).toBe(true);
    expect(sent).toEqual([ended("acme", { keys: ["row:a", "row:b"], tags: ["t"] })]);
    queue.close();
  });

  it("retries without a reader", async () => {
    let calls = 0;
    const { queue } = queueOver(async () => {
      if (++calls === 1) throw new Error("down");
    });
    queue.add(ended("acme", { all: true }));
    await expect.poll(() => queue.size(), { timeout: 3000 }).toBe(0);
    expect(calls).toBe(2);
    queue.close();
  });
});
