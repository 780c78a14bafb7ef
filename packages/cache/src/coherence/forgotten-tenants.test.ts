import { describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { type CacheStore, createCache } from "../index.js";

describe("a tenant beyond maxTenants", () => {
  it("applies tag invalidations while all other tenants are busy", async () => {
    const cache = createCache({ maxTenants: 1 });
    const busy = gate();
    let value = "old";
    const row = cache.define({
      name: "row",
      key: (id: string) => id,
      ttl: "1m",
      tags: () => ["all"],
      load: () => value,
    });
    const slow = cache.define({ name: "slow", key: (id: string) => id, ttl: "1m", load: () => busy.opened });
    const work = cache.shared.get(slow, "a").catch(() => undefined);
    const acme = cache.tenant("acme");
    expect(await acme.get(row, "a")).toBe("old");
    value = "new";
    await acme.invalidateTags(["all"]);
    expect(await acme.get(row, "a")).toBe("new");
    busy.open();
    await work;
  });

  it("is not forgotten while an invalidation is on its way to the store", async () => {
    const [asked, hold] = [gate(), gate()];
    const none = (): Promise<never> => Promise.reject(new Error("not there"));
    const store: CacheStore = {
      ...{
        leaseMs: 1000,
        read: none,
        readWithoutLease: none,
        claim: none,
        fillIn: none,
        release: none,
        renew: none,
      },
      async invalidate() {
        asked.open();
        await hold.opened;
      },
    };
    const cache = createCache({ store, maxTenants: 2, staleness: { whenUnsure: "serve" } });
    let value = "old";
    const row = cache.define({
      name: "row",
      key: (id: string) => id,
      ttl: "1m",
      tags: () => ["all"],
      load: () => value,
    });
    const ended = cache.tenant("acme").invalidateTags(["all"]);
    await asked.opened;
    for (const tenantId of ["b", "c", "d"]) cache.tenant(tenantId);
    // Read before the invalidation, as far as this process can know.
    expect(await cache.tenant("acme").get(row, "a")).toBe("old");
    value = "new";
    hold.open();
    expect((await ended).state).toBe("applied");
    expect(await cache.tenant("acme").get(row, "a")).toBe("new");
    void cache.close();
  });

  it("is not forgotten during a set: a load that overlaps it does not replace the value", async () => {
    const [asked, hold, loading, loaded] = [gate(), gate(), gate(), gate()];
    const none = (): Promise<never> => Promise.reject(new Error("not there"));
    const store: CacheStore = {
      ...{
        leaseMs: 1000,
        read: none,
        readWithoutLease: none,
        release: none,
        renew: none,
        invalidate: none,
      },
      async claim() {
        asked.open();
        await hold.opened;
        return { is: "leased", token: "t" };
      },
      fillIn: () => Promise.resolve(true),
    };
    const cache = createCache({ store, maxTenants: 2, staleness: { whenUnsure: "serve" } });
    const row = cache.define<string, string>({
      name: "row",
      key: (id) => id,
      ttl: "1m",
      async load() {
        loading.open();
        await loaded.opened;
        return "old";
      },
    });
    const written = cache.tenant("acme").set(row, { params: "a", value: "new" });
    await asked.opened;
    for (const tenantId of ["b", "c", "d"]) cache.tenant(tenantId);
    const read = cache.tenant("acme").get(row, "a");
    await loading.opened;
    hold.open();
    expect((await written).state).toBe("applied");
    loaded.open();
    expect(await read).toBe("old");
    expect(await cache.tenant("acme").get(row, "a")).toBe("new");
    void cache.close();
  });
});
