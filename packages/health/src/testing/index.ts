import { beforeEach, describe, expect, it } from "vitest";
import type { HealthStore } from "../types.js";

/** The contract of a `HealthStore`. `create` returns an empty store. */
export function describeHealthStore(name: string, create: () => Promise<HealthStore>): void {
  describe(`HealthStore: ${name}`, () => {
    let store: HealthStore;
    beforeEach(async () => {
      store = await create();
    });

    it("loses no unit under concurrency", async () => {
      await Promise.all(Array.from({ length: 100 }, () => store.add("acme", 1)));
      expect(await store.add("acme", 1)).toBe(101);
    });

    it("keeps tenants apart, whatever their ids contain", async () => {
      await store.add("a:b", 1);
      await store.add("{a}", 1);
      expect(await store.add("a", 1)).toBe(1);
    });
  });
}
