import { createManualClock } from "@scale/core/testing";
import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, it, vi } from "vitest";
import { gate } from "../../scenarios/node.js";
import { createCache } from "../index.js";
import { redisStore } from "../redis/index.js";
import type { CacheStore, Invalidation, InvalidationListener } from "../store.js";

const url = inject("redisUrl");
const TIMES = { name: "row", key: (id: string) => id, ttl: "1m" } as const;
let next = 0;

/** Two caches over one Redis. The test controls the store of the first. */
/** Checks that the invalidation has the id of its cache, and leaves it out. */
function withoutSender({ from, ...what }: Invalidation): Invalidation {
  expect(from).toMatch(/^[\w-]{36}$/);
  return what;
}

describe.skipIf(!url)("an invalidation between two steps", () => {
  const redis = new Redis(url);
  afterAll(() => redis.disconnect());

  function pair(change: (store: CacheStore) => Partial<CacheStore>) {
    const prefix = `fences:${process.pid}:${next++}`;
    const stores = [1, 2].map(() => redisStore({ redis, prefix, timeoutMs: 2000 }));
    // Without a subscriber: no message from the other cache hides a missing fence.
    const [one, two] = stores.map((store, i) =>
      createCache({ store: { ...store, ...(i === 0 && change(store)) }, staleness: { whenUnsure: "serve" } }),
    );
    return { mine: one!, theirs: two! };
  }

  it("a value that is read while an invalidation is on its way to the store is not kept", async () => {
    const onItsWay = gate();
    const { mine } = pair((store) => ({
      async invalidate(what) {
        await onItsWay.opened;
        await store.invalidate(what);
      },
    }));
    let value = "old";
    const row = mine.define({ ...TIMES, load: () => value });
    const acme = mine.tenant("acme");
    await acme.get(row, "a");
    await expect.poll(() => acme.peek(row, "a")).toBe("old");
    value = "new";
    const done = acme.invalidate(row, "a");
    expect(await acme.getWithInfo(row, "a")).toMatchObject({ value: "old", source: "store" });
    onItsWay.open();
    await done;
    expect([acme.peek(row, "a"), await acme.get(row, "a")]).toEqual([undefined, "new"]);
  });

  it("a value that is read while a set claims the lease is not kept", async () => {
    const onItsWay = gate();
    const { mine } = pair((store) => ({
      async claim(place, purpose) {
        await onItsWay.opened;
        return store.claim(place, purpose);
      },
      fillIn: async (lease, content) => (lease.notify !== undefined ? false : store.fillIn(lease, content)),
    }));
    const row = mine.define({ ...TIMES, load: () => "old" });
    const acme = mine.tenant("acme");
    await acme.get(row, "a");
    await expect.poll(() => acme.peek(row, "a")).toBe("old");
    const done = acme.set(row, { params: "a", value: "new" });
    expect(await acme.get(row, "a")).toBe("old");
    onItsWay.open();
    expect(await done).toEqual({ state: "refused" });
    expect(acme.peek(row, "a")).toBeUndefined();
  });

  it("a value that the store refused is not kept in memory either", async () => {
    const { mine } = pair(() => ({ fillIn: async () => false }));
    const row = mine.define({ ...TIMES, load: () => 1 });
    const acme = mine.tenant("acme");
    await acme.get(row, "a");
    await new Promise(setImmediate);
    expect(acme.peek(row, "a")).toBeUndefined();
  });

  it("a value that was loaded before a failed invalidation is not filled when the store is back", async () => {
    const { mine, theirs } = pair(() => ({ invalidate: () => Promise.reject(new Error("unreachable")) }));
    const slow = gate();
    let value = "old";
    let loads = 0;
    const load = async (): Promise<string> => {
      const read = value;
      loads++;
      if (read === "old") await slow.opened;
      return read;
    };
    const [row, theirRow] = [mine.define({ ...TIMES, load }), theirs.define({ ...TIMES, load })];
    const early = mine.tenant("acme").get(row, "a");
    await expect.poll(() => loads).toBe(1);
    value = "new";
    expect(await mine.tenant("acme").invalidate(row, "a")).toEqual({ state: "queued" });
    slow.open();
    expect(await early).toBe("old");
    expect(await theirs.tenant("acme").get(theirRow, "a")).toBe("new");
    expect(await mine.tenant("acme").get(row, "a")).toBe("new");
    void mine.close();
  });

  it("a queued invalidation is sent before the tenant is read, and only once", async () => {
    const sent: Invalidation[] = [];
    let isDown = true;
    const { mine } = pair((store) => ({
      async invalidate(what) {
        if (isDown) throw new Error("unreachable");
        sent.push(withoutSender(what));
        await store.invalidate(what);
      },
    }));
    let value = "old";
    const row = mine.define({ ...TIMES, load: () => value });
    const acme = mine.tenant("acme");
    await acme.get(row, "a");
    value = "new";
    await acme.invalidate(row, "a");
    isDown = false;
    expect(mine.health().queuedInvalidations).toBe(1);
    // Not from the store, which has the old value: it is read only when the queue is empty.
    expect(await acme.get(row, "a")).toBe("new");
    await vi.waitFor(() => expect(mine.health().queuedInvalidations).toBe(0));
    expect(sent).toEqual([{ tenantId: "acme", keys: ["row:a"], tags: [], all: false }]);
    void mine.close();
  });

  it("more than a thousand queued invalidations of a tenant become one that clears it", async () => {
    const sent: Invalidation[] = [];
    let isDown = true;
    const { mine } = pair(() => ({
      async invalidate(what) {
        if (isDown) throw new Error("unreachable");
        sent.push(withoutSender(what));
      },
    }));
    const row = mine.define({ ...TIMES, load: () => 1 });
    for (let i = 0; i < 1001; i++) await mine.tenant("acme").invalidate(row, `${i}`);
    await mine.tenant("other").invalidateTags(["t"]);
    isDown = false;
    await vi.waitFor(() => expect(mine.health().queuedInvalidations).toBe(0), 3000);
    expect(sent).toEqual([
      { tenantId: "acme", keys: [], tags: [], all: true },
      { tenantId: "other", keys: [], tags: ["t"], all: false },
    ]);
    void mine.close();
  });
});

describe("memory", () => {
  /** A store that only delivers what its test publishes. */
  function hearing() {
    let listener: InvalidationListener | undefined;
    const clock = createManualClock();
    const down = (): Promise<never> => Promise.reject(new Error("down"));
    const store: CacheStore = {
      ...{
        leaseMs: 1000,
        read: down,
        readWithoutLease: down,
        claim: down,
        fillIn: down,
        release: down,
        renew: down,
      },
      invalidate: async () => undefined,
      subscribe(on) {
        listener = on;
        return () => undefined;
      },
    };
    const cache = createCache({ store, clock });
    let loads = 0;
    const row = cache.define({ ...TIMES, load: () => ++loads });
    const acme = cache.tenant("acme");
    return { acme, cache, clock, row, hear: listener! };
  }

  it("is served from the first confirmation on, for the bound", async () => {
    const { acme, clock, row, hear, cache } = hearing();
    expect([await acme.get(row, "a"), acme.peek(row, "a"), cache.health().isMemoryServed]).toEqual([
      1,
      undefined,
      false,
    ]);
    hear.confirmed(clock.monotonic());
    expect(acme.peek(row, "a")).toBeUndefined();
    await acme.get(row, "a");
    clock.advance(2999);
    expect(acme.peek(row, "a")).toBe(2);
    clock.advance(1);
    expect(acme.peek(row, "a")).toBeUndefined();
    // No message was missed: messages arrive in order.
    hear.confirmed(clock.monotonic());
    expect(acme.peek(row, "a")).toBe(2);
  });

  it("counts the bound from the time when the heartbeat was sent, not from its arrival", async () => {
    const { acme, clock, row, hear } = hearing();
    hear.confirmed(clock.monotonic());
    await acme.get(row, "a");
    const sentAt = clock.monotonic();
    clock.advance(2000);
    hear.confirmed(sentAt);
    clock.advance(1000);
    expect(acme.peek(row, "a")).toBeUndefined();
  });

  it("drops its entries when the subscription comes back, also those stored while it was lost", async () => {
    const { acme, clock, row, hear } = hearing();
    hear.confirmed(clock.monotonic());
    await acme.get(row, "a");
    hear.lost();
    await acme.get(row, "b");
    expect(acme.peek(row, "b")).toBeUndefined();
    hear.confirmed(clock.monotonic());
    expect([acme.peek(row, "a"), acme.peek(row, "b")]).toEqual([undefined, undefined]);
    await acme.get(row, "b");
    expect(acme.peek(row, "b")).toBe(3);
  });

  it("keeps no value that was being loaded when the subscription was lost or came back", async () => {
    const { acme, cache, clock, hear } = hearing();
    hear.confirmed(clock.monotonic());
    for (const happens of [() => hear.lost(), () => hear.confirmed(clock.monotonic())]) {
      const slow = gate();
      const row = cache.define({ ...TIMES, load: () => slow.opened.then(() => 1) });
      const early = acme.get(row, "a");
      await new Promise(setImmediate);
      happens();
      slow.open();
      await early;
      hear.confirmed(clock.monotonic());
      expect(acme.peek(row, "a")).toBeUndefined();
      hear.lost();
    }
  });
});
