import { describe, expect, it, vi } from "vitest";
import { createOpener } from "../open.js";
import type { HubStoreFixture } from "../fixture.js";

const T = "acme";

export function describeNotifications(create: () => Promise<HubStoreFixture>): void {
  const open = createOpener();

  describe("subscribe", () => {
    it("notifies every process in the order of the positions, each event with the position of the one before", async () => {
      const { store } = await create();
      const [publisher, a, b] = [open(store), open(store), open(store)];
      await Promise.all([a.subscribe(T, "t"), b.subscribe(T, "t"), b.subscribe(T, "u")]);
      const calls = Array.from({ length: 100 }, (_, i) =>
        publisher.append({ tenantId: T, topic: i % 4 === 0 ? "u" : "t", body: String(i) }),
      );
      const cursors = await Promise.all(calls);
      await vi.waitFor(() => expect([a.heard.length, b.heard.length]).toEqual([75, 100]), 5000);
      expect(b.heard.map(({ position }) => position)).toEqual(cursors.map(({ position }) => position));
      expect(b.heard.map(({ body }) => body)).toEqual(cursors.map((_, i) => String(i)));
      for (const topic of ["t", "u"]) {
        const heard = b.heard.filter((event) => event.topic === topic);
        const positions = heard.map(({ position }) => position);
        expect(heard.slice(1).map(({ previous }) => previous)).toEqual(positions.slice(0, -1));
        expect(heard[0]?.previous).toBeLessThan(heard[0]?.position ?? 0);
      }
    });

    it("notifies about no other topic or tenant, and not after unsubscribe", async () => {
      const { store } = await create();
      const a = open(store);
      await a.subscribe(T, "t");
      await a.append({ tenantId: T, topic: "u", body: "no" });
      await a.append({ tenantId: "other", topic: "t", body: "no" });
      await a.append({ tenantId: T, topic: "t", body: "yes" });
      await vi.waitFor(() => expect(a.heard.map(({ body }) => body)).toEqual(["yes"]), 5000);
      await a.subscribe(T, "mark");
      a.unsubscribe(T, "t");
      await a.append({ tenantId: T, topic: "t", body: "no" });
      // Notifications of a tenant come in order: after this one, that of the event before it is gone.
      await a.append({ tenantId: T, topic: "mark", body: "mark" });
      await vi.waitFor(() => expect(a.heard.map(({ body }) => body)).toEqual(["yes", "mark"]), 5000);
      await a.subscribe(T, "t");
      await a.append({ tenantId: T, topic: "t", body: "again" });
      await vi.waitFor(() => expect(a.heard.map(({ body }) => body)).toEqual(["yes", "mark", "again"]), 5000);
    });

    it("notifies once about an event that is appended twice with one id", async () => {
      const { store } = await create();
      const a = open(store);
      await a.subscribe(T, "t");
      await a.append({ tenantId: T, topic: "t", body: "1", id: "x" });
      await a.append({ tenantId: T, topic: "t", body: "1", id: "x" });
      await a.append({ tenantId: T, topic: "t", body: "2" });
      await vi.waitFor(() => expect(a.heard.map(({ body }) => body)).toEqual(["1", "2"]), 5000);
    });
  });
}
