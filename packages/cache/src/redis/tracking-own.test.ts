import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import type { CacheStore, ReadResult, EntryAddress } from "../store.js";
import { content } from "../testing/context.js";
import { watchOwn } from "./tracking-own.js";

const place = (key = "row:a", tenantId = "acme"): EntryAddress => ({ tenantId, key });
const leased = (token: string): ReadResult => ({ is: "leased", token, old: undefined });

/** A store that answers what the test says. */
function watching(change: Partial<CacheStore> = {}) {
  const answers: ReadResult[] = [];
  const doubts: EntryAddress[] = [];
  const clock = createManualClock();
  const none = (): Promise<never> => Promise.reject(new Error("not asked"));
  const store: CacheStore = {
    ...{ settlesWithinMs: 1, leaseMs: 1000, readWithoutLease: none, claim: none, renew: none, invalidate: none },
    read: async () => answers.shift() ?? { is: "busy", old: undefined },
    fillIn: async () => true,
    release: async () => undefined,
    ...change,
  };
  const watched = watchOwn(store, { monotonic: clock.monotonic, doubt: (each) => doubts.push(each) });
  return { ...watched, answers, doubts, clock };
}

describe("watchOwn", () => {
  it("may hold an entry from the question on, for as long as it is asked for or has a lease or a fill there", async () => {
    const answer = gate<ReadResult>();
    const { own, store } = watching({ read: () => answer.opened });
    const reads = [store.read(place()), store.read(place())];
    expect([own.mayHold("acme", "row:a"), own.mayHold("acme", "row:b"), own.mayHold("other", "row:a")]).toEqual([
      ...[true, false, false],
    ]);
    answer.open({ is: "busy", old: undefined });
    await Promise.all(reads);
    expect(own.mayHold("acme", "row:a")).toBe(false);
  });

  it("has a doubt of what it took for its own, once the lease ends without a fill", async () => {
    const { own, store, answers, doubts } = watching({ fillIn: async () => false });
    for (const end of [
      (token: string) => store.release({ ...place(), token }),
      (token: string) => store.fillIn({ ...place(), token }, content("x")),
    ]) {
      answers.push(leased("t1"), leased("t2"));
      await store.read(place());
      await end("t1");
      expect(doubts).toEqual([]);
      await store.read(place());
      own.find("acme", "row:a")!.hasIgnored = true;
      await end("t2");
      expect(doubts.splice(0)).toEqual([place()]);
      expect(own.find("acme", "row:a")).toBeUndefined();
    }
  });

  it("has none after a fill, and knows its hash", async () => {
    const { own, store, answers, doubts } = watching();
    answers.push(leased("t1"));
    await store.read(place());
    own.find("acme", "row:a")!.hasIgnored = true;
    await store.fillIn({ ...place(), token: "t1" }, content("abc"));
    expect(own.find("acme", "row:a")?.hash).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(doubts).toEqual([]);
  });

  it("forgets fills after two seconds, and leases when there are 10,000 newer", async () => {
    const { own, store, answers, clock } = watching();
    for (let i = 0; i <= 10_000; i++) answers.push(leased(`t${i}`));
    await store.read(place("row:0"));
    await store.fillIn({ ...place("row:0"), token: "t0" }, content("x"));
    clock.advance(2001);
    await store.read(place("row:1"));
    expect([own.mayHold("acme", "row:0"), own.mayHold("acme", "row:1")]).toEqual([false, true]);
    for (let i = 2; i <= 10_000; i++) await store.read(place(`row:${i}`));
    expect([own.mayHold("acme", "row:1"), own.mayHold("acme", "row:2")]).toEqual([true, true]);
    answers.push(leased("last"));
    await store.read(place("row:last"));
    expect([own.mayHold("acme", "row:1"), own.mayHold("acme", "row:2")]).toEqual([false, true]);
  });

  it("takes the first lease of a tenant for its generation, unless something else was answered before", async () => {
    const { own, store, answers } = watching();
    answers.push(leased("t1"), leased("t2"));
    await store.read(place());
    await store.read(place());
    expect(own.generation("acme")).toBe("t1");
    answers.push({ is: "busy", old: undefined }, leased("t3"));
    await Promise.all([store.read(place("row:a", "other")), store.read(place("row:b", "other"))]);
    await store.read(place("row:a", "other"));
    expect(own.generation("other")).toBe("");
  });
});
