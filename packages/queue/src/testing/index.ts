import { beforeEach, describe, expect, it } from "vitest";
import type { QueueStore } from "../types.js";

/** The contract of a `QueueStore`. `create` returns an empty store. */
export function describeQueueStore(name: string, create: () => Promise<QueueStore>): void {
  describe(`QueueStore: ${name}`, () => {
    let store: QueueStore;
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
