import { tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { type RouteChosen, routeChoose } from "./events.js";
import { createRouter } from "./router.js";
import { scriptedNode } from "./testing/scripted-node.js";
import { closing, connectionLost, placeOf, routeOf, scriptedRouter } from "./testing/scripted-router.js";

describe("a router", () => {
  it("reads from the primary for as long as nothing is known of replicas", async () => {
    const p = scriptedNode("p", { isStandby: false });
    const router = closing(createRouter({ primary: p, replicas: [scriptedNode("a")] }));
    expect(routeOf(router)).toEqual({ to: "primary", node: "p", reason: "no-healthy-replica" });
    expect(routeOf(router, { intent: "write" })).toEqual({ to: "primary", node: "p", reason: "write" });
  });

  it("gives the reason that it is asked with", async () => {
    const { router } = await scriptedRouter();
    expect(routeOf(router, { intent: "read", reason: "conflict" })).toMatchObject({
      to: "primary",
      reason: "conflict",
    });
    expect(routeOf(router, { intent: "write", reason: "transaction" })).toMatchObject({ reason: "transaction" });
  });

  it("leaves out the nodes that have failed to serve a statement", async () => {
    const { router } = await scriptedRouter();
    for (let i = 0; i < 4; i += 1) {
      expect(routeOf(router, { intent: "read", except: new Set(["a"]) })).toMatchObject({ node: "b" });
    }
    expect(routeOf(router, { intent: "read", except: new Set(["a", "b"]) })).toMatchObject({ node: "p" });
    expect(() => router.checkout({ intent: "read", except: new Set(["a", "b", "p"]) })).toThrow(
      expect.objectContaining({ code: "SCALE_NO_PRIMARY" }),
    );
  });

  it("reads what work outside of any scope wrote from the primary, until replicas have it", async () => {
    const { router, p, replicas } = await scriptedRouter();
    p.script.lsn = 1_100;
    routeOf(router, { intent: "write" });
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
    replicas[1]!.script.lsn = 1_100;
    await router.refresh();
    for (let i = 0; i < 3; i += 1) expect(routeOf(router)).toMatchObject({ to: "replica", node: "b" });
  });

  it("brings a session back to replicas that reads without a pause", async () => {
    const { router, p, replicas } = await scriptedRouter();
    for (const { script } of [p, ...replicas]) script.lsn = 0x2000;
    await router.run({}, async () => {
      routeOf(router, { intent: "write" });
      // A sample comes while a read of the primary is under way, every time.
      for (let i = 0; i < 3; i += 1) {
        const seat = placeOf(router);
        await router.refresh();
        seat.release({ wrote: false });
        const next = await router.checkout({ intent: "read" });
        next.release({ wrote: false });
        expect(next.route).toMatchObject({ to: "replica" });
        routeOf(router, { intent: "write" });
      }
    });
  });

  it("pauses no session where replicas lag", async () => {
    const { router, p } = await scriptedRouter();
    await router.run({}, async () => {
      const seat = placeOf(router, { intent: "write" });
      p.script.lsn = 0x2000;
      await router.refresh();
      seat.release({ wrote: true });
      await router.refresh();
      expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
      const held = placeOf(router);
      await router.refresh();
      held.release({ wrote: false });
      expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
    });
  });

  it("begins a lazy query in the scope that it was returned from", async () => {
    const { router } = await scriptedRouter();
    // oxlint-disable-next-line unicorn/no-thenable -- that is what such a query is
    const lazy = { then: (resolve: (to: unknown) => void) => resolve(routeOf(router)) };
    expect(await router.primary(() => lazy)).toMatchObject({ reason: "pinned" });
    expect(await router.run({ consistency: "strong" }, () => lazy)).toMatchObject({ reason: "strong" });
  });

  it("does not let one session's write send another session to the primary", async () => {
    const { router } = await scriptedRouter();
    router.run({ startFresh: true }, () => routeOf(router, { intent: "write" }));
    expect(router.run({ startFresh: true }, () => routeOf(router))).toMatchObject({ to: "replica" });
    // Which is not to be told apart from the writer without a scope.
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
    expect(router.run({}, () => routeOf(router))).toMatchObject({ to: "primary", reason: "recent-write" });
  });

  it("counts a write that failed as one that may have been committed", async () => {
    const { router } = await scriptedRouter();
    const seat = placeOf(router, { intent: "write" });
    seat.release({ error: connectionLost, wrote: false });
    expect(routeOf(router)).toMatchObject({ reason: "recent-write" });
  });

  it("knows of a commit while the place is still held", async () => {
    const { router } = await scriptedRouter();
    const seat = placeOf(router, { intent: "write", reason: "transaction" });
    expect(routeOf(router)).toMatchObject({ to: "replica" });
    seat.noteCommit();
    expect(routeOf(router)).toMatchObject({ reason: "recent-write" });
    seat.release({ wrote: true });
  });

  it("takes a place back once, however often it is given back", async () => {
    const { router } = await scriptedRouter();
    const seat = placeOf(router);
    seat.release({ wrote: false });
    seat.release({ wrote: true });
    expect(router.health().nodes.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]);
    expect(routeOf(router)).toMatchObject({ to: "replica" });
  });

  it("keeps a session on one replica, and everybody's reads on all", async () => {
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

  it("obeys pins, also under another consistency", async () => {
    const { router } = await scriptedRouter({ consistency: "strong" });
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "strong" });
    expect(router.replica(() => routeOf(router))).toMatchObject({ to: "replica", reason: "pinned" });
    expect(router.primary(() => routeOf(router))).toMatchObject({ to: "primary", reason: "pinned" });
    expect(router.run({ consistency: "eventual" }, () => routeOf(router))).toMatchObject({
      to: "replica",
      reason: "read",
    });
    // A pinned read keeps to what was written, a scope around it or not.
    routeOf(router, { intent: "write" });
    expect(router.replica(() => routeOf(router))).toMatchObject({ to: "primary", reason: "recent-write" });
  });

  it("reads from replicas after a write where consistency is eventual", async () => {
    const { router } = await scriptedRouter({ consistency: "eventual" });
    routeOf(router, { intent: "write" });
    expect(routeOf(router)).toMatchObject({ to: "replica" });
  });

  it("prefers its own zone, and takes another when there is nobody", async () => {
    const replicas = [scriptedNode("far", { zone: "2" }), scriptedNode("near", { zone: "1" })];
    const { router } = await scriptedRouter({ zone: "1" }, replicas);
    expect([routeOf(router).node, routeOf(router).node]).toEqual(["near", "near"]);
    expect(routeOf(router, { intent: "read", except: new Set(["near"]) }).node).toBe("far");
  });

  it("gives reads by weight and by what is under way", async () => {
    const replicas = [scriptedNode("one"), scriptedNode("three", { weight: 3 })];
    const { router } = await scriptedRouter({}, replicas);
    const seats = Array.from({ length: 8 }, () => placeOf(router));
    expect(router.health().nodes.map(({ inFlight }) => inFlight)).toEqual([0, 2, 6]);
    seats.forEach((seat) => seat.release({ wrote: false }));
  });

  it("gives reads in turn, by weight, when it is told to", async () => {
    const replicas = [scriptedNode("one"), scriptedNode("two", { weight: 2 })];
    const { router } = await scriptedRouter({ replicaSelection: "round-robin" }, replicas);
    const nodes = Array.from({ length: 6 }, () => routeOf(router).node);
    expect(nodes).toEqual(["two", "one", "two", "two", "one", "two"]);
  });

  it("ends what waits, and what it owns, when it is closed", async () => {
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

  it("publishes routes with the tenant, and counts them", async () => {
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
    [{ replicas: [scriptedNode("p")] }, "replicas: expected names that are all different"],
    [{ lag: { maxMs: 100, pollMs: 250 } }, "lag.maxMs: expected more than lag.pollMs"],
    [{ readYourWrites: { secrets: ["short"] } }, "readYourWrites.secrets.0"],
    [{ consistancy: "strong" }, "Unrecognized key"],
    [{ replicas: [{ name: "x" }] }, "replicas.0: expected a node"],
  ])("refuses options %#", (options, message) => {
    expect(() => createRouter({ primary: scriptedNode("p"), ...(options as object) })).toThrow(message);
  });
});
