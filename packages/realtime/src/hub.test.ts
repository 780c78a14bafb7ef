import { setTimeout as sleep } from "node:timers/promises";
import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it, vi } from "vitest";
import { faultyStore } from "../test/faulty-store.js";
import { closing, createSink, join } from "../test/sink.js";
import { createHub, type HubLimits, memoryHub, type HubStore } from "./index.js";

const rights = { allowed: true };

function hubOver(store: HubStore = memoryHub(), limits: HubLimits = {}) {
  return closing(
    createHub({
      store,
      limits,
      heartbeat: 20,
      history: { events: 10 },
      topics: {
        news: { authorize: () => true },
        "orders.{orderId}": { authorize: () => true },
        closed: { authorize: () => rights.allowed },
      },
    }),
  );
}

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);

describe("a connection", () => {
  it("gets the events of its topics from the moment of its `ready` on, in order", async () => {
    const hub = hubOver();
    await hub.publish("news", "before", acme);
    const { sink } = await join(hub, { topics: ["news", "orders.1"] });
    await hub.publish("orders.1", { n: 1 }, acme);
    await hub.publish("orders.2", { n: 2 }, acme);
    await hub.publish("news", "x", { tenantId: "other" });
    await hub.publish("news", "after\r\nid: 1\0", acme);
    await until(() => expect(sink.values()).toEqual([{ n: 1 }, "after\r\nid: 1\0"]));
    expect(sink.retries).toEqual([2000]);
    expect(sink.events[0]).toMatchObject({ event: "ready", data: { start: "fresh" } });
    expect(sink.events.map(({ id }) => id)).toEqual(expect.not.arrayContaining([undefined]));
  });

  it("resumes in another process: with all missed events, then the new ones", async () => {
    const store = memoryHub();
    const [a, b] = [hubOver(store), hubOver(store)];
    const first = await join(a);
    await a.publish("news", 1, acme);
    await until(() => expect(first.sink.values()).toEqual([1]));
    first.leave();
    await a.publish("news", 2, acme);
    await b.publish("news", 3, acme);
    const second = await join(b, { lastEventId: first.sink.lastEventId });
    await a.publish("news", 4, acme);
    await until(() => expect(second.sink.values()).toEqual([2, 3, 4]));
    expect(second.sink.events[0]).toMatchObject({ event: "ready", data: { start: "resumed" } });
  });

  it("resumes from its `ready`, when it left before the first event", async () => {
    const hub = hubOver();
    const first = await join(hub);
    first.leave();
    await hub.publish("news", 1, acme);
    const second = await join(hub, { lastEventId: first.sink.lastEventId });
    await until(() => expect(second.sink.values()).toEqual([1]));
  });

  it("gets exactly one reset when events after its id are gone", async () => {
    const hub = hubOver();
    const first = await join(hub);
    first.leave();
    for (let i = 0; i < 50; i++) await hub.publish("news", i, acme);
    const second = await join(hub, { lastEventId: first.sink.lastEventId });
    await hub.publish("news", "live", acme);
    await until(() => expect(second.sink.values()).toEqual(["live"]));
    expect(second.sink.names()).toEqual(["reset", "ready", "message"]);
    expect(second.sink.events[0]?.data).toEqual({ reason: "trimmed" });
    second.leave();
    const third = await join(hub, { lastEventId: second.sink.lastEventId });
    await sleep(30); // Nothing may come: there is no event to wait for.
    expect(third.sink.names()).toEqual(["ready"]);
  });

  it.each(["x", "a".repeat(22), "\u{1f680}", "0", "1".repeat(100), "AAAAAAAAAAAAAAAAAAAAAA"])(
    "gets a reset, and nothing of the history, for the invented id %j",
    async (lastEventId) => {
      const hub = hubOver();
      await hub.publish("news", "secret", acme);
      const { sink } = await join(hub, { lastEventId });
      await hub.publish("news", "live", acme);
      await until(() => expect(sink.values()).toEqual(["live"]));
      expect(sink.events[0]).toMatchObject({ event: "reset", data: { reason: "unknown" } });
    },
  );

  it("gets a reset for the id of another tenant, and no event of either", async () => {
    const hub = hubOver();
    const theirs = await join(hub, { tenantId: "other" });
    await hub.publish("news", "theirs", { tenantId: "other" });
    await hub.publish("news", "ours", acme);
    await until(() => expect(theirs.sink.values()).toEqual(["theirs"]));
    const { sink } = await join(hub, { lastEventId: theirs.sink.lastEventId });
    await hub.publish("news", "live", acme);
    await until(() => expect(sink.names()).toEqual(["reset", "ready", "message"]));
    expect(sink.values()).toEqual(["live"]);
  });

  it("has ids that show nothing: two clients get the same one for an event, and it tells no position", async () => {
    const store = memoryHub();
    const [a, b] = [await join(hubOver(store)), await join(hubOver(store))];
    const hub = hubOver(store);
    await hub.publish("news", 1, acme);
    await hub.publish("news", 2, acme);
    await until(() => expect([a.sink.values().length, b.sink.values().length]).toEqual([2, 2]));
    const ids = a.sink.events.slice(1).map(({ id }) => id);
    expect(b.sink.events.slice(1).map(({ id }) => id)).toEqual(ids);
    expect(ids.every((id) => /^[\w-]{22}$/.test(id ?? ""))).toBe(true);
    expect(ids[0]?.slice(0, 8)).not.toBe(ids[1]?.slice(0, 8));
  });
});

describe("rights", () => {
  it("are checked before anything is replayed", async () => {
    const hub = hubOver();
    rights.allowed = true;
    const first = await join(hub, { topics: ["closed"] });
    await hub.publish("closed", "secret", acme);
    await until(() => expect(first.sink.values()).toEqual(["secret"]));
    rights.allowed = false;
    const request = { principal: acme, topics: ["closed", "news"], lastEventId: first.sink.lastEventId };
    expect(await hub.connect(request)).toEqual({ admitted: false, reason: "forbidden" });
    expect(hub.stats().connections).toBe(1);
    await hub.recheck(acme);
    expect(first.sink.events.at(-1)).toMatchObject({ event: "revoked", data: { topics: ["closed"] } });
    expect(first.sink.ended).toBe("end");
    await hub.publish("closed", "later", acme);
    expect(first.sink.values()).toEqual(["secret"]);
    expect(hub.stats()).toEqual({ connections: 0, tenants: 0, topics: 0, isLive: true });
  });

  it("are checked again in intervals, and a check that fails ends the connection", async () => {
    let answer: () => boolean = () => true;
    const authorize = vi.fn(() => answer());
    const hub = closing(
      createHub({ store: memoryHub(), heartbeat: 20, lifetime: { recheck: 20 }, topics: { t: { authorize } } }),
    );
    const { sink } = await join(hub, { topics: ["t"] });
    await until(() => expect(authorize.mock.calls.length).toBeGreaterThan(2));
    answer = () => {
      throw new Error("no database");
    };
    await until(() => expect(sink.ended).toBe("end"));
    expect(sink.names().at(-1)).toBe("revoked");
  });

  it("are those of the principal's tenant, and only true is a right", async () => {
    const seen: unknown[] = [];
    const answers: unknown[] = [true, "yes", undefined, 1];
    const authorize = (principal: { tenantId: string }, params: object): boolean => {
      seen.push([principal.tenantId, params, tenancy.current()?.tenantId]);
      return answers.shift() as boolean;
    };
    const hub = closing(createHub({ store: memoryHub(), topics: { "a.{id}": { authorize } } }));
    const request = { principal: acme, topics: ["a.1%2E2"] };
    expect(await hub.connect(request)).toMatchObject({ admitted: true });
    expect(seen).toEqual([["acme", { id: "1.2" }, "acme"]]);
    for (let i = 0; i < 3; i++) await expect(hub.connect(request)).rejects.toThrow(/authorize: expected true or false/);
    expect(hub.stats().connections).toBe(1);
  });

  it("end when the principal expires", async () => {
    const clock = createManualClock();
    const topics = { t: { authorize: () => true } };
    const hub = closing(createHub({ store: memoryHub({ clock }), clock, heartbeat: 20, topics }));
    const { sink } = await join(hub, { topics: ["t"], expiresAtMs: clock.now() + 5000 });
    const other = await join(hub, { topics: ["t"] });
    clock.advance(4000);
    await until(() => expect(sink.heartbeats).toBeGreaterThan(1));
    expect(sink.ended).toBeUndefined();
    clock.advance(2000);
    await until(() => expect(sink.ended).toBe("end"));
    expect(other.sink.ended).toBeUndefined();
  });
});

describe("limits", () => {
  it("hold for a tenant and a user, under concurrency, and places are given back", async () => {
    const hub = hubOver(memoryHub(), { perTenant: (tenantId) => (tenantId === "acme" ? 5 : 1), perUser: 2 });
    const connect = (userId?: string, tenantId = "acme") =>
      hub.connect({ principal: { tenantId, userId }, topics: ["news"] });
    const users = await Promise.all(Array.from({ length: 10 }, () => connect("ann")));
    expect(users.filter(({ admitted }) => admitted)).toHaveLength(2);
    expect(users.at(-1)).toEqual({ admitted: false, reason: "user-limit" });
    const all = await Promise.all(Array.from({ length: 10 }, () => connect()));
    expect(all.filter(({ admitted }) => admitted)).toHaveLength(3);
    expect(all.at(-1)).toEqual({ admitted: false, reason: "tenant-limit" });
    expect(await connect("ann", "b")).toMatchObject({ admitted: true });
    const [first] = users;
    if (first?.admitted === true) {
      first.leave();
      first.leave();
    }
    expect(await connect()).toMatchObject({ admitted: true });
    expect(await connect()).toMatchObject({ admitted: false });
  });

  it("count topics once, and refuse none and too many", async () => {
    const hub = hubOver(memoryHub(), { topics: 2 });
    const connect = (topics: string[]) => hub.connect({ principal: acme, topics });
    expect(await connect(["news", "news", "orders.1"])).toMatchObject({ admitted: true });
    await expect(connect([])).rejects.toMatchObject({ code: "SCALE_TOPIC", status: 400 });
    await expect(connect(["news", "orders.1", "orders.2"])).rejects.toMatchObject({ code: "SCALE_TOPIC" });
    await expect(connect(["none"])).rejects.toMatchObject({ code: "SCALE_TOPIC" });
    expect(hub.stats().connections).toBe(1);
  });
});

describe("drain", () => {
  it("spreads the reconnects, refuses new connections, and resolves at its deadline for a client that does not read", async () => {
    const hub = hubOver();
    const clients = await Promise.all(Array.from({ length: 50 }, () => join(hub)));
    const stalled = createSink();
    await join(hub, {}, stalled);
    stalled.isReading = false;
    await hub.publish("news", 1, acme);
    await hub.drain({ deadline: 50, spread: "10s" });
    const retries = clients.map(({ sink }) => sink.retries.at(-1) ?? 0);
    expect(new Set(retries).size).toBeGreaterThan(40);
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(2000);
    expect(Math.max(...retries)).toBeLessThanOrEqual(12_000);
    expect(clients.every(({ sink }) => sink.ended === "end")).toBe(true);
    expect(await hub.connect({ principal: acme, topics: ["news"] })).toEqual({ admitted: false, reason: "draining" });
    await hub.publish("news", 2, acme);
  });

  it("resolves at its deadline on a busy event loop, and when the store does not answer", async () => {
    const store = faultyStore(memoryHub());
    const topics = { t: { authorize: () => true, presence: true } };
    const hub = closing(createHub({ store, heartbeat: 20, topics }));
    const stalled = createSink();
    await join(hub, { topics: ["t"] }, stalled);
    stalled.isReading = false;
    await hub.publish("t", 1, acme);
    store.before = (call) => (call === "setPresence" ? new Promise<void>(() => undefined) : undefined);
    let isBusy = true;
    const block = (): void => {
      for (const end = performance.now() + 40; performance.now() < end; );
      if (isBusy) setImmediate(block);
    };
    block();
    const startedAt = performance.now();
    await hub.drain({ deadline: 200, spread: 1 });
    isBusy = false;
    expect(performance.now() - startedAt).toBeLessThan(600);
    expect(stalled.ended).toBe("destroy");
  });
});
