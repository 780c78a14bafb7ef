import { setTimeout as sleep } from "node:timers/promises";
import { StoreError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it, vi } from "vitest";
import { faultyStore } from "../../test/faulty-store.js";
import { closing, join } from "../../test/sink.js";
import { createHub, feedChange, type HubStore, memoryHub } from "../index.js";

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);

function hubOver(store: HubStore) {
  const topics = { news: { authorize: () => true }, "orders.{orderId}": { authorize: () => true } };
  return closing(createHub({ store, heartbeat: 20, topics }));
}

describe("notifications of the store", () => {
  it("that were lost are read when the next event of the topic comes", async () => {
    const store = faultyStore(memoryHub());
    const hub = hubOver(store);
    const { sink } = await join(hub, { topics: ["news", "orders.1"] });
    store.loses = ({ body }) => body.includes("lost");
    for (const data of [1, "lost", "lost too", 2]) await hub.publish("news", data, acme);
    await hub.publish("orders.1", 3, acme);
    await until(() => expect(sink.values()).toEqual([1, "lost", "lost too", 2, 3]));
  });

  it("that were lost before an event of another topic end in a reset, by the next event or without one", async () => {
    const clock = createManualClock();
    const store = faultyStore(memoryHub({ clock }));
    const topics = { a: { authorize: () => true }, b: { authorize: () => true } };
    const hub = closing(createHub({ store, clock, heartbeat: 20, topics }));
    const { sink } = await join(hub, { topics: ["a", "b"] });
    store.loses = ({ body }) => body.includes("lost");
    await hub.publish("a", 1, acme);
    await hub.publish("a", "lost", acme);
    await hub.publish("b", 2, acme);
    await hub.publish("a", 3, acme);
    expect(sink.names()).toEqual(["ready", "message", "message", "reset", "message"]);
    expect(sink.values()).toEqual([1, 2, 3]);
    await hub.publish("a", "lost", acme);
    await hub.publish("b", 4, acme);
    await until(() => {
      clock.advance(1100);
      expect(sink.names().slice(5)).toEqual(["message", "reset"]);
    });
    const beats = sink.heartbeats;
    for (; sink.heartbeats < beats + 20; await sleep(10)) clock.advance(1100);
    expect(sink.names()).toHaveLength(7);
  });

  it("that were lost without a later one are found by comparing positions", async () => {
    const clock = createManualClock();
    const store = faultyStore(memoryHub({ clock }));
    const hub = closing(createHub({ store, clock, heartbeat: 20, topics: { news: { authorize: () => true } } }));
    const states: string[] = [];
    const stop = feedChange.subscribe(({ state }) => void states.push(state));
    const { sink } = await join(hub);
    store.loses = () => true;
    await hub.publish("news", "lost", acme);
    await until(() => {
      clock.advance(1100);
      expect(sink.values()).toEqual(["lost"]);
    });
    stop();
    expect(states).toEqual(["gap"]);
  });

  it("that were lost are found although the keys of another tenant are broken", async () => {
    const clock = createManualClock();
    const store = faultyStore(memoryHub({ clock }));
    const hub = closing(createHub({ store, clock, heartbeat: 20, topics: { news: { authorize: () => true } } }));
    // As many as are verified at once, and more.
    for (let i = 0; i < 10; i++) await join(hub, { tenantId: `broken-${i}` });
    const { sink } = await join(hub);
    store.before = (call, tenantId) => {
      if (call === "tails" && tenantId.startsWith("broken")) throw new StoreError("not a string");
    };
    store.loses = () => true;
    await hub.publish("news", "lost", acme);
    await until(() => {
      clock.advance(1100);
      expect(sink.values()).toEqual(["lost"]);
    });
  });

  it("that stay away do not keep events from clients: the history is read every ten seconds", async () => {
    const clock = createManualClock();
    const store = faultyStore(memoryHub({ clock }));
    const hub = closing(createHub({ store, clock, heartbeat: 20, topics: { news: { authorize: () => true } } }));
    const { sink } = await join(hub);
    store.lose();
    await hub.publish("news", 1, acme);
    await hub.publish("news", 2, acme);
    expect(sink.values()).toEqual([]);
    await until(() => {
      clock.advance(1100);
      expect(sink.values()).toEqual([1, 2]);
    });
    store.restore();
    await hub.publish("news", 3, acme);
    await until(() => expect(sink.values()).toEqual([1, 2, 3]));
    expect(sink.names()).not.toContain("reset");
  });

  it("stop live delivery while they are lost, and nothing is missing or twice when they are restored", async () => {
    const store = faultyStore(memoryHub());
    const hub = hubOver(store);
    const { sink } = await join(hub, { topics: ["news", "orders.1"] });
    await hub.publish("news", 1, acme);
    store.lose();
    store.loses = ({ topic }) => topic === "news";
    await hub.publish("news", 2, acme);
    // Its notification comes, but that of the event before it does not: delivered now, the client would skip that one.
    await hub.publish("orders.1", 3, acme);
    expect(sink.values()).toEqual([1]);
    store.loses = () => false;
    store.restore();
    await hub.publish("news", 4, acme);
    await until(() => expect(sink.values()).toEqual([1, 2, 3, 4]));
  });

  it("keep clients connected while the store does not answer; publish rejects, and joins too", async () => {
    const store = faultyStore(memoryHub());
    const hub = hubOver(store);
    const { sink } = await join(hub);
    store.before = () => {
      throw new StoreError("down", { notSent: true });
    };
    store.lose();
    await expect(hub.publish("news", 1, acme)).rejects.toMatchObject({ code: "SCALE_STORE" });
    await expect(join(hub, { topics: ["orders.9"] })).rejects.toMatchObject({ code: "SCALE_STORE" });
    store.restore();
    await sleep(20); // A read that fails: it is repeated later.
    expect(hub.stats()).toMatchObject({ connections: 1, topics: 1 });
    expect(sink.ended).toBeUndefined();
    store.before = () => undefined;
    await hub.publish("news", 2, acme);
    await until(() => expect(sink.values()).toEqual([2]));
    expect(sink.names()).toEqual(["ready", "message"]);
  });
});
