import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { closing, createSink, join } from "../../test/sink.js";
import { createHub, type HubLimits, memoryHub } from "../index.js";

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);

describe("a client that reads too slowly", () => {
  const big = "x".repeat(60_000);
  const slow = async (whenSlow: HubLimits["whenSlow"]) => {
    const hub = closing(
      createHub({
        store: memoryHub(),
        heartbeat: 20,
        limits: { buffer: 262_144, whenSlow: whenSlow ?? "disconnect" },
        topics: { t: { authorize: () => true, coalesce: (data: { key: number; text: string }) => String(data.key) } },
      }),
    );
    const sink = createSink();
    await join(hub, { topics: ["t"] }, sink);
    return { hub, sink };
  };

  it("is disconnected, and resumes with everything", async () => {
    const { hub, sink } = await slow("disconnect");
    sink.isReading = false;
    for (let key = 0; key < 10; key++) await hub.publish("t", { key, text: big }, acme);
    expect(sink.ended).toBe("destroy");
    expect(hub.stats().connections).toBe(0);
    const second = await join(hub, { topics: ["t"], lastEventId: sink.lastEventId });
    await until(() =>
      expect(second.sink.values().map((value) => (value as { key: number }).key)).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
      ]),
    );
  });

  it("gets the newest event of each key with coalesce", async () => {
    const { hub, sink } = await slow("coalesce");
    sink.isReading = false;
    for (let i = 0; i < 40; i++) await hub.publish("t", { key: i % 2, text: `${i}${big}` }, acme);
    expect(sink.pendingBytes).toBeLessThan(262_144 + 100);
    sink.release();
    await hub.publish("t", { key: 9, text: "live" }, acme);
    const texts = sink.values().map((value) => (value as { text: string }).text.replace(big, ""));
    expect(texts).toEqual(["0", "1", "2", "3", "38", "39", "live"]);
    expect(sink.ended).toBeUndefined();
  });

  it("is told how many events it did not get with drop", async () => {
    const { hub, sink } = await slow("drop");
    sink.isReading = false;
    for (let i = 0; i < 40; i++) await hub.publish("t", { key: i, text: big }, acme);
    sink.release();
    await hub.publish("t", { key: 99, text: "live" }, acme);
    expect(sink.names()).toEqual(["ready", "message", "message", "message", "message", "dropped", "message"]);
    expect(sink.events.at(-2)?.data).toEqual({ events: 36 });
  });

  it("is replayed to as fast as it reads, and ended when it takes nothing", async () => {
    const { hub, sink } = await slow("disconnect");
    const start = sink.lastEventId;
    for (let key = 0; key < 30; key++) await hub.publish("t", { key, text: big }, acme);
    const second = createSink();
    second.isReading = false;
    await join(hub, { topics: ["t"], lastEventId: start }, second);
    expect(second.pendingBytes).toBeLessThan(262_144);
    for (let i = 0; i < 20 && second.values().length < 30; i++) {
      second.release();
      second.isReading = false;
      await sleep(1); // The replay goes on in a later turn.
      expect(second.pendingBytes).toBeLessThan(262_144);
    }
    expect(second.values().map((value) => (value as { key: number }).key)).toEqual(
      Array.from({ length: 30 }, (_, i) => i),
    );
    const third = createSink();
    third.isReading = false;
    await join(hub, { topics: ["t"], lastEventId: start }, third);
    await until(() => expect(third.ended).toBe("destroy"));
  });
});
