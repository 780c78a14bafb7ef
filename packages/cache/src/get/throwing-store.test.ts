import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { modelStores } from "../../test/model-store.js";
import { createCache } from "../cache.js";
import type { CacheStore } from "../store.js";

it("loads without a store whose read throws instead of rejecting, and keeps no caller waiting", async () => {
  const fail = (): never => {
    throw new Error("a mistake of the store");
  };
  for (const read of [fail, Object.assign(fail, { to: fail })]) {
    const [store] = modelStores();
    const broken: CacheStore = { ...store, read };
    const cache = createCache({ store: broken });
    const row = cache.define({ name: "row", key: (id: string) => id, ttl: "1m", load: (id) => `row ${id}` });
    const acme = cache.tenant("acme");
    const both = Promise.all([acme.get(row, "a"), acme.get(row, "a")]);
    expect(await Promise.race([both, pause(5_000, "waited", { ref: false })])).toEqual(["row a", "row a"]);
    void cache.close();
  }
});
