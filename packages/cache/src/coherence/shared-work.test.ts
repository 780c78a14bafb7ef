import { setImmediate as turn } from "node:timers/promises";
import { tenancy, systemClock } from "@scale/core";
import { contextLeaks } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { createCache } from "../cache.js";
import { memoryDrop, storeFail } from "../events.js";
import type { CacheStore, InvalidationListener } from "../store.js";
import { createLeaseRenewer } from "./lease-renewal.js";
import { createRetryQueue } from "./retry-queue.js";

const never = (): Promise<never> => Promise.reject(new Error("down"));

const storeWith = (own: Partial<CacheStore>): CacheStore => ({
  ...{ leaseMs: 20, read: never, readWithoutLease: never, claim: never, fillIn: never },
  ...{ release: never, renew: never, invalidate: never },
  ...own,
});

describe("what tenants share in a cache runs in the context of none of them", () => {
  it("the timer that renews leases", async () => {
    const renewer = createLeaseRenewer(storeWith({}));
    const lease = (tenantId: string) => ({ tenantId, key: "row:a", token: "t" });
    const hold = (tenantId: string, onFailure: () => void) => {
      const failed = gate();
      const held = lease(tenantId);
      renewer.begin(held, () => {
        onFailure();
        failed.open();
      });
      return failed.opened.then(() => renewer.end(held));
    };
    const leaks = contextLeaks({
      tenancy,
      first: (look) => hold("first", () => look("a failed renewal")),
      second: (look) => hold("second", () => look("a failed renewal")),
    });
    expect(await leaks).toEqual([]);
  });

  it("the timer that repeats invalidations", async () => {
    const queue = createRetryQueue(storeWith({}), { clock: systemClock, from: "me" });
    const failed = gate();
    const stop = storeFail.subscribe(({ tenantId }) => tenantId === "second" && failed.open());
    const add = (tenantId: string) => {
      queue.add({ tenantId, keys: ["row:a"], tags: [], all: false });
      return failed.opened;
    };
    const leaks = contextLeaks({
      tenancy,
      events: [storeFail.name],
      first: () => add("first"),
      second: () => add("second"),
    });
    expect(await leaks).toEqual([]);
    queue.close();
    stop();
  });

  it("a load that returns a query builder, which runs for its own tenant", async () => {
    const cache = createCache();
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      load: () =>
        ({
          // oxlint-disable-next-line unicorn/no-thenable -- a query builder is one
          then: (done: (value: string) => unknown) => done(tenancy.current()?.tenantId ?? "none"),
        }) as PromiseLike<string>,
    });
    expect(await tenancy.run({ tenantId: "first" }, () => cache.tenant("second").get(row, "a"))).toBe("second");
    await cache.warm({ tenants: ["third"], entries: [[row, () => ["a"]]] });
    expect(await cache.tenant("third").getIfPresent(row, "a")).toMatchObject({ value: "third" });
    void cache.close();
  });

  it("a load that both wait for", async () => {
    const cache = createCache();
    const load = (look: (what: string) => void) =>
      cache.getOrSet(
        "a",
        async () => {
          await turn();
          look("the loader");
        },
        { ttl: "1m" },
      );
    let ofSecond = (_what: string): void => undefined;
    const leaks = contextLeaks({
      tenancy,
      first: () => load((what) => ofSecond(what)),
      second(look) {
        ofSecond = look;
        return load(look);
      },
    });
    expect(await leaks).toEqual([]);
    void cache.close();
  });

  it("a subscription, of a cache that a request has created", async () => {
    let listener: InvalidationListener | undefined;
    const store = storeWith({
      subscribe(to) {
        listener = to;
        return () => undefined;
      },
    });
    const leaks = contextLeaks({
      tenancy,
      events: [memoryDrop.name],
      async first() {
        const cache = createCache({ store });
        await turn();
        // A client emits its messages in the context in which it connected.
        listener?.confirmed(systemClock.monotonic());
        void cache.close();
      },
      second: () => undefined,
    });
    expect(await leaks).toEqual([]);
  });
});
