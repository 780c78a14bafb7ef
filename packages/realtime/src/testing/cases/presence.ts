import { describe, expect, it } from "vitest";
import { createOpener } from "../open.js";
import type { HubStoreFixture } from "../fixture.js";

const T = "acme";

export function describePresence(create: () => Promise<HubStoreFixture>): void {
  const open = createOpener();

  describe("countPresence", () => {
    it("adds up the counts of all processes, and forgets those of a process that stopped publishing", async () => {
      const { store, pass } = await create();
      const [a, b] = [open(store), open(store)];
      await a.setPresence(
        T,
        [
          { topic: "t", count: 3 },
          { topic: "u", count: 1 },
        ],
        60_000,
      );
      await b.setPresence(T, [{ topic: "t", count: 4 }], 150);
      expect([await a.countPresence(T, "t"), await b.countPresence(T, "u")]).toEqual([7, 1]);
      expect([await a.countPresence(T, "none"), await a.countPresence("other", "t")]).toEqual([0, 0]);
      await pass(400);
      expect(await b.countPresence(T, "t")).toBe(3);
      await a.setPresence(T, [{ topic: "t", count: 0 }], 60_000);
      expect(await b.countPresence(T, "t")).toBe(0);
    });
  });
}
