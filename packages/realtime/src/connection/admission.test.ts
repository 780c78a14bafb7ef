import { createPlanResolver, definePlans } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { faultyStore } from "../../test/faulty-store.js";
import { closing, createSink, join } from "../../test/sink.js";
import { connectionClose, connectionOpen, createHub, memoryHub } from "../index.js";

afterEach(() => void vi.useRealTimers());

const acme = { tenantId: "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);

/** A promise and the function that settles it. */
function gate<T>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

describe("a connection that is being admitted", () => {
  it("is refused, and keeps nothing, when its right is revoked during its first read", async () => {
    const rights = { allowed: true };
    const store = faultyStore(memoryHub());
    const hub = closing(createHub({ store, heartbeat: 20, topics: { t: { authorize: () => rights.allowed } } }));
    // Connections of other tests end meanwhile.
    const principal = { tenantId: "revoked" };
    const events: string[] = [];
    const note = (event: string) => (closed: { readonly tenantId: string }) =>
      closed.tenantId === principal.tenantId ? void events.push(event) : undefined;
    const stops = [connectionOpen.subscribe(note("open")), connectionClose.subscribe(note("close"))];
    const reading = gate<void>();
    store.before = (call) => (call === "read" ? reading.opened : undefined);
    const connecting = hub.connect({ principal, topics: ["t"] });
    await until(() => expect(hub.stats().topics).toBe(1));
    rights.allowed = false;
    await hub.recheck(principal);
    reading.open();
    expect(await connecting).toEqual({ admitted: false, reason: "forbidden" });
    expect(hub.stats()).toMatchObject({ connections: 0, topics: 0 });
    expect(events).toEqual([]);
    for (const stop of stops) stop();
  });

  it("is refused when the hub drains during its first read", async () => {
    const store = faultyStore(memoryHub());
    const hub = closing(createHub({ store, topics: { t: { authorize: () => true } } }));
    const reading = gate<void>();
    store.before = (call) => (call === "read" ? reading.opened : undefined);
    const connecting = hub.connect({ principal: acme, topics: ["t"] });
    await until(() => expect(hub.stats().topics).toBe(1));
    await hub.drain({ deadline: 10, spread: 1 });
    reading.open();
    expect(await connecting).toEqual({ admitted: false, reason: "draining" });
  });

  it("is checked again when rights changed while they were looked up", async () => {
    const first = gate<boolean>();
    const authorize = vi.fn(() => (authorize.mock.calls.length === 1 ? first.opened : false));
    const hub = closing(createHub({ store: memoryHub(), topics: { t: { authorize } } }));
    const connecting = hub.connect({ principal: acme, topics: ["t"] });
    await until(() => expect(authorize).toHaveBeenCalledOnce());
    await hub.recheck(acme);
    first.open(true); // Read before the change.
    expect(await connecting).toEqual({ admitted: false, reason: "forbidden" });
    expect(hub.stats().connections).toBe(0);
  });

  it("is refused, and gets nothing of the history, when its principal has expired", async () => {
    const clock = createManualClock();
    const hub = closing(createHub({ store: memoryHub({ clock }), clock, topics: { t: { authorize: () => true } } }));
    const connect = (expiresAtMs: number) => hub.connect({ principal: { ...acme, expiresAtMs }, topics: ["t"] });
    expect(await connect(clock.now())).toEqual({ admitted: false, reason: "expired" });
    expect(await connect(clock.now() + 1)).toMatchObject({ admitted: true });
  });

  it("is given up, and its place with it, when a right is not decided in ten seconds", async () => {
    vi.useFakeTimers();
    let answer = (): boolean | Promise<boolean> => true;
    const lifetime = { recheck: 20 };
    const topics = { t: { authorize: () => answer() } };
    const hub = closing(createHub({ store: memoryHub(), heartbeat: 20, lifetime, topics }));
    const connecting = hub.connect({ principal: acme, topics: ["t"] });
    await vi.advanceTimersByTimeAsync(1);
    const admission = await connecting;
    if (!admission.admitted) throw new Error("refused");
    const sink = createSink();
    admission.start(sink);
    const asked = vi.fn(() => new Promise<boolean>(() => undefined));
    answer = asked;
    const refused = hub.connect({ principal: acme, topics: ["t"] }).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(await refused).toMatchObject({ code: "SCALE_TIMEOUT" });
    // A right that cannot be checked does not go on either, and is not asked for again meanwhile.
    expect([sink.names().at(-1), sink.ended, hub.stats().connections]).toEqual(["revoked", "end", 0]);
    expect(asked).toHaveBeenCalledTimes(2);
  });

  it("gives its place back under the ids that it took it with", async () => {
    const hub = closing(
      createHub({ store: memoryHub(), limits: { perUser: 1 }, topics: { t: { authorize: () => true } } }),
    );
    const principal = { tenantId: "acme", userId: "ann" };
    const admission = await hub.connect({ principal, topics: ["t"] });
    Object.assign(principal, { tenantId: "other", userId: "eve" });
    if (admission.admitted) admission.leave();
    expect(hub.stats()).toMatchObject({ connections: 0, tenants: 0, topics: 0 });
    expect(await hub.connect({ principal: { tenantId: "acme", userId: "ann" }, topics: ["t"] })).toMatchObject({
      admitted: true,
    });
  });
});

describe("plans", () => {
  const plans = definePlans({
    free: { realtime: { maxConnections: 2, maxConnectionsPerUser: 1 } },
    pro: { realtime: { maxConnections: 3 } },
    none: {},
  });

  function hubWith(assigned: Record<string, "free" | "pro" | "none">) {
    const resolver = createPlanResolver({ plans, lookup: (tenantId) => assigned[tenantId] });
    const limits = { perTenant: 1, perUser: 2 };
    const topics = { t: { authorize: () => true } };
    const hub = closing(createHub({ store: memoryHub(), plans: resolver, limits, topics }));
    const connect = async (tenantId: string, userId?: string) => {
      const admission = await hub.connect({ principal: { tenantId, userId }, topics: ["t"] });
      return admission.admitted ? "admitted" : admission.reason;
    };
    return { hub, connect, resolver };
  }

  it("set the connections of a tenant and of a user, and the limits of the hub those that a plan leaves out", async () => {
    const { connect } = hubWith({ a: "free", b: "pro", c: "none" });
    expect([await connect("a", "ann"), await connect("a", "ann"), await connect("a")]).toEqual([
      ...["admitted", "user-limit", "admitted"],
    ]);
    expect(await connect("a", "ben")).toBe("tenant-limit");
    expect([await connect("b", "x"), await connect("b", "x"), await connect("b", "x"), await connect("b")]).toEqual([
      ...["admitted", "admitted", "user-limit", "admitted"],
    ]);
    expect([await connect("c"), await connect("c")]).toEqual(["admitted", "tenant-limit"]);
    await expect(connect("unknown")).rejects.toMatchObject({ code: "SCALE_PLAN" });
  });

  it("apply to the next connection after a change, and leave the open ones alone", async () => {
    const assigned: Record<string, "free" | "pro"> = { a: "free" };
    const { hub, connect, resolver } = hubWith(assigned);
    expect([await connect("a"), await connect("a"), await connect("a")]).toEqual([
      ...["admitted", "admitted", "tenant-limit"],
    ]);
    assigned["a"] = "pro";
    resolver.invalidate("a");
    expect([await connect("a"), await connect("a")]).toEqual(["admitted", "tenant-limit"]);
    assigned["a"] = "free";
    resolver.invalidate("a");
    expect(await connect("a")).toBe("tenant-limit");
    expect(hub.stats().connections).toBe(3);
    resolver.replace(definePlans({ free: { realtime: { maxConnections: 4 } }, pro: {}, none: {} }));
    expect([await connect("a"), await connect("a")]).toEqual(["admitted", "tenant-limit"]);
  });
});

describe("the end of a connection", () => {
  it("cuts off a client that does not take its last bytes", async () => {
    const clock = createManualClock();
    const topics = { t: { authorize: () => true } };
    const hub = closing(createHub({ store: memoryHub({ clock }), clock, heartbeat: 20, topics }));
    const sink = createSink();
    await join(hub, { topics: ["t"], expiresAtMs: clock.now() + 1000 }, sink);
    sink.isReading = false;
    await hub.publish("t", 1, acme);
    clock.advance(2000);
    await until(() => expect(sink.ended).toBe("end"));
    expect(hub.stats().connections).toBe(0);
    clock.advance(11_000);
    await until(() => expect(sink.ended).toBe("destroy"));
  });
});
