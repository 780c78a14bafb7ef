import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { type RouteChosen, routeChoose, statementEnd } from "./events.js";
import { createRouter } from "./router.js";
import { scriptedNode } from "../test/scripted-node.js";
import { closeAfterTest, connectionLost, checkoutOf, routeOf, scriptedRouter } from "../test/scripted-router.js";

describe("a router", () => {
  it("reads from the primary until the first poll of a replica", async () => {
    const p = scriptedNode("p", { isStandby: false });
    const router = closeAfterTest(createRouter({ primary: p, replicas: [scriptedNode("a")] }));
    expect(routeOf(router)).toEqual({ to: "primary", node: "p", reason: "no-healthy-replica" });
    expect(routeOf(router, { intent: "write" })).toEqual({ to: "primary", node: "p", reason: "write" });
  });

  it("routes with the reason of the request", async () => {
    const { router } = await scriptedRouter();
    expect(routeOf(router, { intent: "read", reason: "conflict" })).toMatchObject({
      to: "primary",
      reason: "conflict",
    });
    expect(routeOf(router, { intent: "write", reason: "transaction" })).toMatchObject({ reason: "transaction" });
  });

  it("excludes the nodes that have failed to serve a statement", async () => {
    const { router } = await scriptedRouter();
    for (let i = 0; i < 4; i += 1) {
      expect(routeOf(router, { intent: "read", except: new Set(["a"]) })).toMatchObject({ node: "b" });
    }
    expect(routeOf(router, { intent: "read", except: new Set(["a", "b"]) })).toMatchObject({ node: "p" });
    expect(() => router.checkout({ intent: "read", except: new Set(["a", "b", "p"]) })).toThrow(
      expect.objectContaining({ code: "SCALE_NO_PRIMARY" }),
    );
  });

  it("reads the writes of the shared scope from the primary, until replicas have them", async () => {
    const { router, p, replicas } = await scriptedRouter();
    p.script.lsn = 1_100;
    routeOf(router, { intent: "write" });
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
    replicas[1]!.script.lsn = 1_100;
    await router.refresh();
    for (let i = 0; i < 3; i += 1) expect(routeOf(router)).toMatchObject({ to: "replica", node: "b" });
  });

  it("returns a session that reads without a pause to replicas", async () => {
    const { router, p, replicas } = await scriptedRouter();
    for (const { script } of [p, ...replicas]) script.lsn = 0x2000;
    await router.run({}, async () => {
      routeOf(router, { intent: "write" });
      // Each sample arrives during a read of the primary.
      for (let i = 0; i < 3; i += 1) {
        const checkout = checkoutOf(router);
        await router.refresh();
        checkout.release({ wrote: false });
        const next = await router.checkout({ intent: "read" });
        next.release({ wrote: false });
        expect(next.route).toMatchObject({ to: "replica" });
        routeOf(router, { intent: "write" });
      }
    });
  });

  it("does not pause a session while replicas lag", async () => {
    const { router, p } = await scriptedRouter();
    await router.run({}, async () => {
      const checkout = checkoutOf(router, { intent: "write" });
      p.script.lsn = 0x2000;
      await router.refresh();
      checkout.release({ wrote: true });
      await router.refresh();
      expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
      const held = checkoutOf(router);
      await router.refresh();
      held.release({ wrote: false });
      expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
    });
  });

  it("starts a lazy query in the scope that returned it", async () => {
    const { router } = await scriptedRouter();
    // oxlint-disable-next-line unicorn/no-thenable -- lazy queries are thenables
    const lazy = { then: (resolve: (to: unknown) => void) => resolve(routeOf(router)) };
    expect(await router.primary(() => lazy)).toMatchObject({ reason: "pinned" });
    expect(await router.run({ consistency: "strong" }, () => lazy)).toMatchObject({ reason: "strong" });
  });

  it("does not let one session's write send another session to the primary", async () => {
    const { router } = await scriptedRouter();
    router.run({ startFresh: true }, () => routeOf(router, { intent: "write" }));
    expect(router.run({ startFresh: true }, () => routeOf(router))).toMatchObject({ to: "replica" });
    // Work in the shared scope may be the writer.
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
    expect(router.run({}, () => routeOf(router))).toMatchObject({ to: "primary", reason: "recent-write" });
  });

  it("counts a failed write as possibly committed", async () => {
    const { router } = await scriptedRouter();
    const checkout = checkoutOf(router, { intent: "write" });
    checkout.release({ error: connectionLost, wrote: false });
    expect(routeOf(router)).toMatchObject({ reason: "recent-write" });
  });

  it("records a commit while the checkout is held", async () => {
    const { router } = await scriptedRouter();
    const checkout = checkoutOf(router, { intent: "write", reason: "transaction" });
    expect(routeOf(router)).toMatchObject({ to: "replica" });
    checkout.noteCommit();
    expect(routeOf(router)).toMatchObject({ reason: "recent-write" });
    checkout.release({ wrote: true });
  });

  it("releases a checkout once, however often release is called", async () => {
    const { router } = await scriptedRouter();
    const checkout = checkoutOf(router);
    checkout.release({ wrote: false });
    checkout.release({ wrote: true });
    expect(router.health().nodes.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
    expect(routeOf(router)).toMatchObject({ to: "replica" });
  });

  it("keeps a session on one replica, and spreads the reads of the shared scope", async () => {
    const { router } = await scriptedRouter();
    const inOne: string[] = [];
    await router.run({}, async () => {
      for (let i = 0; i < 6; i += 1) {
        inOne.push(routeOf(router).node);
        await router.refresh();
      }
    });
    expect(new Set(inOne).size).toBe(1);
    expect(new Set([routeOf(router).node, routeOf(router).node])).toEqual(new Set(["a", "b"]));
  });

  it("follows pins under every consistency", async () => {
    const { router } = await scriptedRouter({ consistency: "strong" });
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "strong" });
    expect(router.replica(() => routeOf(router))).toMatchObject({ to: "replica", reason: "pinned" });
    expect(router.primary(() => routeOf(router))).toMatchObject({ to: "primary", reason: "pinned" });
    expect(router.run({ consistency: "eventual" }, () => routeOf(router))).toMatchObject({
      to: "replica",
      reason: "read",
    });
    // A pinned read sees the writes of its scope, shared or not.
    routeOf(router, { intent: "write" });
    expect(router.replica(() => routeOf(router))).toMatchObject({ to: "primary", reason: "recent-write" });
  });

  it("reads from replicas after a write with eventual consistency", async () => {
    const { router } = await scriptedRouter({ consistency: "eventual" });
    routeOf(router, { intent: "write" });
    expect(routeOf(router)).toMatchObject({ to: "replica" });
  });

  it("prefers its zone, and uses others without a replica there", async () => {
    const replicas = [scriptedNode("far", { zone: "2" }), scriptedNode("near", { zone: "1" })];
    const { router } = await scriptedRouter({ replicaSelection: { zone: "1" } }, replicas);
    expect([routeOf(router).node, routeOf(router).node]).toEqual(["near", "near"]);
    expect(routeOf(router, { intent: "read", except: new Set(["near"]) }).node).toBe("far");
  });

  it("selects by weight and running statements", async () => {
    const replicas = [scriptedNode("one"), scriptedNode("three", { weight: 3 })];
    const { router } = await scriptedRouter({}, replicas);
    const checkouts = Array.from({ length: 8 }, () => checkoutOf(router));
    expect(router.health().nodes.map(({ inFlight }) => inFlight)).toEqual([0, 2, 6]);
    checkouts.forEach((checkout) => checkout.release({ wrote: false }));
  });

  it("selects in turn, by weight, with round-robin", async () => {
    const replicas = [scriptedNode("one"), scriptedNode("two", { weight: 2 })];
    const { router } = await scriptedRouter({ replicaSelection: { policy: "round-robin" } }, replicas);
    const nodes = Array.from({ length: 6 }, () => routeOf(router).node);
    expect(nodes).toEqual(["two", "one", "two", "two", "one", "two"]);
  });

  it("rejects waiting statements and ends owned pools on close", async () => {
    const { router, p, replicas } = await scriptedRouter({ failover: { waitMs: 60_000 } }, [
      scriptedNode("a", { isOwned: false }),
    ]);
    p.script.error = connectionLost;
    await router.refresh();
    const waiting = router.checkout({ intent: "write" });
    await router.close();
    await expect(waiting).rejects.toMatchObject({ code: "SCALE_CLOSED" });
    expect([p.isEnded(), replicas[0]!.isEnded()]).toEqual([true, false]);
    expect([p, replicas[0]!].map(({ events }) => events.listenerCount("error"))).toEqual([0, 0]);
  });

  it("publishes how long a checkout was held, and whether it failed, to a subscriber that was there at its start", async () => {
    const clock = createManualClock();
    const { router } = await scriptedRouter({ clock }, [scriptedNode("a")]);
    const before = await router.checkout({ intent: "read" });
    const events: unknown[] = [];
    const stop = statementEnd.subscribe((event) => events.push(event));
    before.release({ wrote: false });
    const read = await tenancy.run({ tenantId: "acme" }, () => router.checkout({ intent: "read" }));
    const write = await router.checkout({ intent: "write" });
    clock.advance(30);
    read.release({ wrote: false });
    read.release({ wrote: false });
    clock.advance(1.5);
    write.release({ wrote: false, error: new Error("duplicate key") });
    stop();
    expect(events).toEqual([
      { tenantId: "acme", router: "db", node: "a", to: "replica", durationMs: 30, isFailed: false },
      { tenantId: undefined, router: "db", node: "p", to: "primary", durationMs: 31.5, isFailed: true },
    ]);
  });

  it("publishes and counts routes with the tenant", async () => {
    const { router } = await scriptedRouter({}, [scriptedNode("a")]);
    const events: RouteChosen[] = [];
    const stop = routeChoose.subscribe((event) => events.push(event));
    tenancy.run({ tenantId: "acme" }, () => routeOf(router));
    routeOf(router, { intent: "write" });
    stop();
    expect(events).toEqual([
      { tenantId: "acme", router: "db", to: "replica", node: "a", reason: "read", lagMs: 0 },
      { tenantId: undefined, router: "db", to: "primary", node: "p", reason: "write" },
    ]);
    expect(router.stats().routes).toMatchObject({ read: 1, write: 1, strong: 0 });
    expect(router.stats().nodes).toMatchObject({ p: { served: 1, inFlight: 0 }, a: { served: 1, errors: 0 } });
  });

  it.each([
    [{ replicas: [scriptedNode("p")] }, "replicas: expected a different name for each node"],
    [{ lag: { maxMs: 100, pollMs: 250 } }, "lag.maxMs: expected more than lag.pollMs"],
    [{ readYourWrites: { secrets: ["short"] } }, "readYourWrites.secrets.0"],
    [{ consistancy: "strong" }, "Unrecognized key"],
    [{ replicas: [{ name: "x" }] }, "replicas.0: expected a node"],
  ])("refuses options %#", (options, message) => {
    expect(() => createRouter({ primary: scriptedNode("p"), ...(options as object) })).toThrow(message);
  });
});
