import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { createRetryQueue } from "./retry-queue.js";
import type { CacheStore, Invalidation } from "../store.js";

const ended = (tenantId: string, what: Partial<Invalidation> = {}): Invalidation => ({
  ...{ tenantId, keys: [], tags: [], all: false },
  ...what,
});

function journalOver(invalidate: CacheStore["invalidate"]) {
  const never = (): Promise<never> => Promise.reject(new Error("not asked"));
  const store: CacheStore = {
    ...{
      settlesWithinMs: 1,
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
  return { clock, journal: createRetryQueue(store, clock) };
}

describe("createJournal", () => {
  it("takes ten thousand tenants, and says when there is no room", () => {
    const { journal } = journalOver(() => Promise.reject(new Error("down")));
    const kept = Array.from({ length: 10_001 }, (_, i) => journal.add(ended(`tenant-${i}`, { keys: ["row:a"] })));
    expect([kept.indexOf(false), journal.add(ended("tenant-0", { all: true }))]).toEqual([10_000, true]);
    journal.close();
  });

  it("does not take for sent what comes while it sends", async () => {
    const onItsWay = gate();
    const sent: Invalidation[] = [];
    const { journal } = journalOver(async (what) => {
      sent.push(what);
      if (sent.length === 1) await onItsWay.opened;
    });
    journal.add(ended("acme", { keys: ["row:a"] }));
    const first = journal.flush("acme");
    journal.add(ended("acme", { keys: ["row:b"] }));
    onItsWay.open();
    expect([await first, journal.has("acme"), journal.size()]).toEqual([false, true, 1]);
    expect([await journal.flush("acme"), journal.has("acme")]).toEqual([true, false]);
    expect(sent.map(({ keys }) => keys)).toEqual([["row:a"], ["row:b"]]);
    journal.close();
  });

  it("keeps what failed together with what came meanwhile, and asks a store that failed again only after a while", async () => {
    let calls = 0;
    let isDown = true;
    const sent: Invalidation[] = [];
    const { journal, clock } = journalOver(async (what) => {
      calls++;
      if (isDown) throw new Error("down");
      sent.push(what);
    });
    journal.add(ended("acme", { keys: ["row:a"], tags: ["t"] }));
    const first = journal.flush("acme");
    journal.add(ended("acme", { keys: ["row:b"] }));
    expect([await first, await journal.flush("acme"), calls]).toEqual([false, false, 1]);
    isDown = false;
    clock.advance(250);
    expect(await journal.flush("acme")).toBe(true);
    expect(sent).toEqual([ended("acme", { keys: ["row:a", "row:b"], tags: ["t"] })]);
    journal.close();
  });

  it("repeats by itself", async () => {
    let calls = 0;
    const { journal } = journalOver(async () => {
      if (++calls === 1) throw new Error("down");
    });
    journal.add(ended("acme", { all: true }));
    await expect.poll(() => journal.size(), { timeout: 3000 }).toBe(0);
    expect(calls).toBe(2);
    journal.close();
  });
});
