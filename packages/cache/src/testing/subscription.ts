import { systemClock } from "@scale/core";
import { expect, it, vi } from "vitest";
import type { CacheStore, Invalidation, InvalidationListener } from "../store.js";
import { at, claim, type StoreFixture, content, invalidation, put } from "./context.js";

async function subscribe(store: CacheStore) {
  const received: Invalidation[] = [];
  const confirmedAt: number[] = [];
  const aheadMs: number[] = [];
  const listener: InvalidationListener = {
    invalidated: (invalidation) => received.push(invalidation),
    confirmed(atMs) {
      confirmedAt.push(atMs);
      aheadMs.push(atMs - systemClock.monotonic());
    },
    lost: () => undefined,
  };
  const stop = store.subscribe?.(listener, 20) ?? (() => undefined);
  await vi.waitFor(() => expect(confirmedAt.length).toBeGreaterThan(0), 5000);
  return { received, confirmedAt, aheadMs, stop };
}

/** Passes without a check for stores without `subscribe`. */
export function describeSubscription(context: StoreFixture): void {
  it("sends invalidations and writes, but no loads, to every subscriber in their order, with the id of the cache that sends them", async () => {
    if (context.one.subscribe === undefined) return;
    const [mine, theirs] = [await subscribe(context.one), await subscribe(context.two)];
    const all = [
      invalidation({ keys: ["row:a"], from: "one" }),
      invalidation({ tags: ["t1"] }),
      invalidation({ all: true, from: "two" }, "other"),
    ];
    await put(context.one, at("loaded"), content("loaded"));
    await context.one.fillIn({ ...(await claim(context.one, at("a"))), notify: "one" }, content("new"));
    for (const what of all) await context.one.invalidate(what);
    await vi.waitFor(() => expect(theirs.received.at(-1)).toEqual(all.at(-1)), 5000);
    const expected = [invalidation({ keys: ["row:a"], from: "one" }), ...all];
    expect(theirs.received).toEqual(expected);
    await vi.waitFor(() => expect(mine.received).toEqual(expected), 5000);
    mine.stop();
    theirs.stop();
  });

  it("confirms repeatedly that all earlier invalidations were delivered, until it is stopped", async () => {
    if (context.one.subscribe === undefined) return;
    const before = systemClock.monotonic();
    const { received, confirmedAt, aheadMs, stop } = await subscribe(context.one);
    await context.two.invalidate(invalidation({ keys: ["row:a"] }));
    const after = systemClock.monotonic();
    await vi.waitFor(() => expect(confirmedAt.at(-1)).toBeGreaterThan(after), 5000);
    expect(received.length).toBe(1);
    expect(confirmedAt[0]).toBeGreaterThanOrEqual(before);
    // A confirmation of the future would confirm invalidations that are still to come.
    expect(Math.max(...aheadMs)).toBeLessThanOrEqual(0);
    stop();
    const count = confirmedAt.length;
    await context.two.invalidate(invalidation({ keys: ["row:a"] }));
    expect([received.length, confirmedAt.length - count <= 1]).toEqual([1, true]);
  });
}
