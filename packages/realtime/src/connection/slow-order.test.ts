import { describe, expect, it, vi } from "vitest";
import { faultyStore } from "../../test/faulty-store.js";
import { closing, createSink, join } from "../../test/sink.js";
import { createHub, type HubLimits, memoryHub } from "../index.js";

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);
const big = "x".repeat(60_000);

/** A client whose buffer is full, with events that are kept back for it. */
async function slowClient(whenSlow: HubLimits["whenSlow"] & string) {
  const rights = { allowed: true };
  const store = faultyStore(memoryHub());
  const topic = { authorize: () => rights.allowed, coalesce: (text: string) => text.slice(0, 2) };
  const hub = closing(
    createHub({
      ...{ store, heartbeat: 3_600_000 },
      limits: { buffer: 262_144, whenSlow },
      topics: { a: topic, b: topic },
    }),
  );
  const sink = createSink();
  await join(hub, { topics: ["a", "b"] }, sink);
  sink.isReading = false;
  for (let i = 10; i < 18; i++) await hub.publish("a", `${i}${big}`, acme);
  const texts = (): unknown[] => sink.values().map((value) => String(value).replace(big, ""));
  return { hub, store, sink, rights, texts };
}

describe("frames of the hub for a client that reads too slowly", () => {
  it.each([
    ["coalesce", [...Array.from({ length: 9 }, () => "message"), "reset", "message"]],
    ["drop", ["message", "message", "message", "message", "reset", "dropped"]],
  ] as const)("come after the events before them: a reset with %s", async (whenSlow, expected) => {
    const { hub, store, sink } = await slowClient(whenSlow);
    store.loses = ({ body }) => body.includes("lost");
    for (const [topic, text] of [
      ["a", "lost"],
      ["b", "20"],
      ["a", "21"],
    ] as const)
      await hub.publish(topic, text, acme);
    sink.release();
    expect(sink.names().slice(1)).toEqual(expected);
    // The position with which it would resume is that of the newest event.
    const second = await join(hub, { topics: ["a", "b"], lastEventId: sink.lastEventId });
    await hub.publish("a", "22", acme);
    await until(() => expect(second.sink.values()).toEqual(["22"]));
  });

  it("come after the events before them: the end of a right", async () => {
    const { hub, sink, rights, texts } = await slowClient("coalesce");
    rights.allowed = false;
    await hub.recheck(acme);
    sink.takeEarly();
    expect(texts()).toEqual(["10", "11", "12", "13", "14", "15", "16", "17"]);
    expect(sink.names().at(-1)).toBe("revoked");
  });

  it("and missed events that are read come after those that were kept back", async () => {
    const { hub, store, sink, texts } = await slowClient("coalesce");
    store.lose();
    store.loses = () => true;
    await hub.publish("b", "20", acme);
    // There is room again, and the connection has not told yet.
    sink.takeEarly();
    store.loses = () => false;
    store.restore();
    await hub.publish("b", "21", acme);
    await new Promise((resolve) => setTimeout(resolve, 20)); // The read may end before the connection tells.
    sink.release();
    await until(() => expect(texts()).toEqual(["10", "11", "12", "13", "14", "15", "16", "17", "20", "21"]));
  });
});
