import { describe, expect, it, vi } from "vitest";
import { closing, join } from "../../test/sink.js";
import { createHub, type HubStore, memoryHub } from "../index.js";

const acme = { tenantId: "acme" };

describe("a replay", () => {
  it("holds one event of each topic, or 256 KiB, and is complete and in order", async () => {
    const pages: number[] = [];
    const inner = memoryHub();
    const store: HubStore = {
      open(settings) {
        const open = inner.open(settings);
        return {
          ...open,
          async read(request) {
            const result = await open.read(request);
            pages.push(result.events.reduce((sum, { body }) => sum + body.length, 0));
            return result;
          },
        };
      },
    };
    const topics = { "t.{n}": { authorize: () => true } };
    const hub = closing(createHub({ store, topics, heartbeat: 3_600_000 }));
    const names = Array.from({ length: 16 }, (_, n) => `t.${n}` as const);
    const first = await join(hub, { topics: names });
    first.leave();
    const big = "x".repeat(60_000);
    const expected: string[] = [];
    for (let i = 0; i < 160; i++) {
      await hub.publish(names[i % 16] ?? "t.0", `${i} ${big}`, acme);
      expected.push(String(i));
    }
    const { sink } = await join(hub, { topics: names, lastEventId: first.sink.lastEventId });
    await vi.waitFor(() => expect(sink.values()).toHaveLength(160), 10_000);
    expect(sink.values().map((value) => String(value).split(" ")[0])).toEqual(expected);
    expect(Math.max(...pages)).toBeLessThanOrEqual(2 ** 20);
  });
});
