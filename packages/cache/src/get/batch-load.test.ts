import { tenancy } from "@scale/core";
import { beforeEach, describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { writeEnvelope } from "../definition/envelope.js";
import { type Cache, createCache, type TenantCache } from "../index.js";
import type { CacheStore, ReadResult } from "../store.js";

let cache: Cache;
let acme: TenantCache;
let asked: (readonly string[])[];
beforeEach(() => {
  cache = createCache();
  acme = cache.tenant("acme");
  asked = [];
});

const define = () =>
  cache.define({
    ...{ name: "row", key: (id: string) => id, ttl: "1m" },
    load: (id): string => `${id} alone`,
    loadMany: async (ids) => {
      asked.push(ids);
      return ids.map((id) => `${id} of ${ids.length} for ${tenancy.require().tenantId}`);
    },
  });

describe("getMany", () => {
  it("loads missing values in one call, in the order of its params, for the tenant", async () => {
    const row = define();
    expect(await acme.getMany(row, ["b", "a", "b"])).toEqual(["b of 2 for acme", "a of 2 for acme", "b of 2 for acme"]);
    expect(await acme.getMany(row, ["a", "c"])).toEqual(["a of 2 for acme", "c of 1 for acme"]);
    expect(asked).toEqual([["b", "a"], ["c"]]);
  });

  it("shares its load with a reader of one of the values", async () => {
    const slow = gate();
    let loads = 0;
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      async load(id) {
        loads++;
        await slow.opened;
        return `${id} alone`;
      },
      loadMany: async (ids) => ids.map((id) => `${id} of ${ids.length}`),
    });
    const one = acme.get(row, "a");
    const many = acme.getMany(row, ["a", "b"]);
    slow.open();
    expect([await one, await many, loads]).toEqual(["a alone", ["a alone", "b of 1"], 1]);
  });

  it("fails a single value for which loadMany returns an error", async () => {
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      load: (id): string => id,
      loadMany: async (ids) => ids.map((id) => (id === "bad" ? new RangeError(id) : id)),
    });
    const loader = acme.dataLoader(row);
    expect(await loader.loadMany(["good", "bad"])).toEqual(["good", new RangeError("bad")]);
    expect([acme.peek(row, "good"), acme.peek(row, "bad")]).toEqual(["good", undefined]);
    await expect(acme.getMany(row, ["good", "bad"])).rejects.toThrow(RangeError);
  });

  it("rejects when loadMany returns another number of values", async () => {
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      load: (id): string => id,
      loadMany: async () => ["only one"],
    });
    await expect(acme.getMany(row, ["a", "b"])).rejects.toThrow("loadMany must return 2 values");
  });

  it("does not delay the batch for a value that another process is loading", async () => {
    const isThere = gate();
    const asked: string[] = [];
    // Another process is loading a. The batch of b must not wait for it.
    const text = writeEnvelope({ text: '"theirs"', loadMs: 0 }, { version: 1, key: "row:a" });
    const stored = { text, ageMs: 0, freshMs: 60_000, usableMs: 60_000, tags: [] };
    async function read({ key }: { key: string }): Promise<ReadResult> {
      asked.push(key);
      if (key === "row:b") await isThere.opened;
      if (key === "row:b") return { is: "leased", token: "mine", old: undefined };
      return asked.length < 4 ? { is: "busy", old: undefined } : { is: "value", stored };
    }
    const none = (): Promise<never> => Promise.reject(new Error("not asked"));
    const store: CacheStore = {
      ...{ leaseMs: 1000, read, fillIn: async () => true },
      ...{ readWithoutLease: none, claim: none, release: none, renew: none, invalidate: none },
    };
    const two = createCache({ store }).tenant("acme");
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m", freshness: { hardTimeout: "500ms" } },
      load: (id): string => `${id} alone`,
      loadMany: async (ids) => ids.map((id) => `${id} of ${ids.length}`),
    });
    const many = two.getMany(row, ["a", "b", "b"]);
    await two.get(row, "a");
    isThere.open();
    expect(await many).toEqual(["theirs", "b of 1", "b of 1"]);
  });

  it("keeps no value of a load that an invalidation overtook", async () => {
    const slow = gate();
    let value = "old";
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      load: (): string => value,
      loadMany: async (ids) => {
        const read = value;
        await slow.opened;
        return ids.map(() => read);
      },
    });
    const many = acme.getMany(row, ["a", "b"]);
    await Promise.resolve();
    value = "new";
    await acme.invalidate(row, "a");
    slow.open();
    expect(await many).toEqual(["old", "old"]);
    expect([acme.peek(row, "a"), acme.peek(row, "b")]).toEqual([undefined, "old"]);
  });
});

describe("dataLoader", () => {
  it("batches the requests of one turn, through the cache", async () => {
    const row = define();
    const loader = acme.dataLoader(row);
    expect(await Promise.all([loader.load("a"), loader.load("b")])).toEqual(["a of 2 for acme", "b of 2 for acme"]);
    expect(await loader.loadMany(["b", "c"])).toEqual(["b of 2 for acme", "c of 1 for acme"]);
    await loader.prime("d", "primed");
    await loader.clear("a");
    expect(await loader.loadMany(["a", "d"])).toEqual(["a of 1 for acme", "primed"]);
  });

  it("returns each failure to its own caller", async () => {
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m" },
      load: (id): string => {
        if (id === "bad") throw new TypeError(id);
        return id;
      },
    });
    const [good, bad] = await acme.dataLoader(row).loadMany(["good", "bad"]);
    expect([good, bad]).toEqual(["good", new TypeError("bad")]);
  });

  it("rejects only the request whose params have no key", async () => {
    const row = cache.define({
      ...{ name: "row", ttl: "1m" },
      key: ({ id }: { id: string }) => id.toLowerCase(),
      load: ({ id }): string => id,
      loadMany: async (all) => all.map(({ id }) => id),
    });
    // Params of an unchecked request.
    const { bad } = JSON.parse('{"bad":{}}') as { bad: { id: string } };
    const loader = acme.dataLoader(row);
    const [good, failed] = await loader.loadMany([{ id: "a" }, bad]);
    expect([good, failed]).toEqual(["a", expect.any(TypeError)]);
  });
});
