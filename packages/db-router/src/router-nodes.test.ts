import { waitUntil } from "@scale/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { discoveryFail } from "./events.js";
import { createRouter } from "./router.js";
import { type ScriptedNode, scriptedNode, type ServerScript } from "./testing/scripted-node.js";
import { closing, connectionLost, placeOf, routeOf, scriptedRouter } from "./testing/scripted-router.js";

describe("a router whose nodes fail, lag, come and go", () => {
  it("serves reads when the primary is down at the start", async () => {
    const p = scriptedNode("p", { isStandby: false, error: connectionLost });
    const router = closing(createRouter({ primary: p, replicas: [scriptedNode("a")], lag: { pollMs: 4_000 } }));
    await router.ready();
    expect(router.health()).toMatchObject({ isWritable: false, isReadable: true, systemId: "7" });
    expect(routeOf(router)).toMatchObject({ to: "replica", node: "a" });
  });

  it("leaves out who lags by bytes or by time, and keeps the least lagging when it must", async () => {
    const replicas = [scriptedNode("a"), scriptedNode("b")];
    const { router, p, clock } = await scriptedRouter(
      { lag: { maxBytes: 500, maxMs: 5_000, pollMs: 4_000 } },
      replicas,
    );
    p.script.lsn = 2_000;
    replicas[0]!.script.lsn = 1_900;
    clock.advance(10);
    await router.refresh();
    expect(router.health().nodes[2]).toMatchObject({ serves: "nothing", reason: "lagging", lagBytes: 1_000 });
    expect([routeOf(router).node, routeOf(router).node]).toEqual(["a", "a"]);
    clock.advance(5_001);
    await router.refresh();
    expect(router.health().nodes[1]).toMatchObject({ reason: "lagging", lagBytes: 100 });
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "no-healthy-replica" });
  });

  it("keeps as many serving as it is told to, the least lagging first", async () => {
    const replicas = [scriptedNode("a", { lsn: 10 }), scriptedNode("b", { lsn: 20 })];
    const { router } = await scriptedRouter({ lag: { maxBytes: 1, minServing: 1, pollMs: 1_000 } }, replicas);
    expect([routeOf(router).node, routeOf(router).node]).toEqual(["b", "b"]);
  });

  it("distrusts what it has not heard of for too long", async () => {
    const { router, clock, replicas } = await scriptedRouter({
      lag: { pollMs: 20, pollTimeoutMs: 20 },
      health: { failures: 1_000 },
    });
    for (const { pool } of replicas) Object.assign(pool, { query: () => new Promise(() => undefined) });
    for (const replica of replicas) Object.assign(replica, { probe: () => new Promise(() => undefined) });
    clock.advance(60_000);
    await waitUntil(() => router.health().nodes[1]?.reason === "stale", { what: "a is stale" });
    expect(routeOf(router)).toMatchObject({ to: "primary" });
  });

  it("gives a node nothing after a lost connection until it has been asked again", async () => {
    const { router, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    const seat = placeOf(router);
    seat.release({ error: connectionLost, wrote: false });
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "no-healthy-replica" });
    await waitUntil(() => router.health().nodes[1]?.serves === "reads", { what: "a serves" });
    replicas[0]!.events.emit("error", new Error("terminated"));
    expect(router.health().nodes[1]).toMatchObject({ reason: "connection-lost" });
    await waitUntil(() => router.health().nodes[1]?.serves === "reads", { what: "a serves" });
  });

  it("takes a node out whose statements fail though polls do not, and tries it with one", async () => {
    const { router, clock } = await scriptedRouter({}, [scriptedNode("a")]);
    for (let i = 0; i < 2; i += 1) {
      placeOf(router).release({ error: connectionLost, wrote: false });
      await router.refresh();
    }
    expect(router.health().nodes[1]).toMatchObject({ reason: "failures" });
    clock.advance(1_100);
    await router.refresh();
    const trial = placeOf(router);
    expect(trial.route).toMatchObject({ node: "a" });
    expect(routeOf(router)).toMatchObject({ node: "p" });
    trial.release({ wrote: false });
    expect(routeOf(router)).toMatchObject({ node: "a" });
  });

  it("holds errors of statements, and of our own full pool, against no node", async () => {
    const { router } = await scriptedRouter({}, [scriptedNode("a")]);
    const errors = [
      Object.assign(new Error("x"), { code: "42P01" }),
      new Error("timeout exceeded when trying to connect"),
    ];
    for (const error of [...errors, ...errors, ...errors]) placeOf(router).release({ error, wrote: false });
    expect(routeOf(router)).toMatchObject({ node: "a" });
  });

  it("tells who listens when a node is out of reach, and not for one lost connection", async () => {
    const { router, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    const names: string[] = [];
    const stop = router.onEject((node) => names.push(node));
    placeOf(router).release({ error: connectionLost, wrote: false });
    await router.refresh();
    expect(names).toEqual([]);
    replicas[0]!.script.error = connectionLost;
    await router.refresh();
    expect(names).toEqual(["a"]);
    stop();
  });

  it("goes on when a listener throws, and warns of it", async () => {
    const { router, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    router.onEject(() => {
      throw new Error("mine");
    });
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    replicas[0]!.script.error = connectionLost;
    await router.refresh();
    expect((await warned).message).toBe("mine");
    expect(router.health().nodes[1]).toMatchObject({ reason: "unreachable" });
  });

  it("finds a server that answers on old connections only", async () => {
    const { router, clock, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    replicas[0]!.script.probeError = new Error("timeout expired");
    clock.advance(1_000);
    await router.refresh();
    expect(router.health().nodes[1]).toMatchObject({ reason: "unreachable" });
    replicas[0]!.script.probeError = undefined;
    await router.refresh();
    expect(router.health().nodes[1]).toMatchObject({ serves: "reads" });
  });

  it("does not take a server for dead that has no connection to spare", async () => {
    const { router, clock, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    replicas[0]!.script.probeError = Object.assign(new Error("too many clients"), { code: "53300" });
    clock.advance(1_000);
    await router.refresh();
    expect(router.health().nodes[1]).toMatchObject({ serves: "reads" });
  });

  it("follows a promotion, and asks at once when its primary refuses a write", async () => {
    const { router, p, replicas } = await scriptedRouter();
    Object.assign(replicas[0]!.script, { isStandby: false, timeline: 2 } satisfies Partial<ServerScript>);
    p.script.isStandby = true;
    placeOf(router, { intent: "write" }).release({
      error: Object.assign(new Error("read-only"), { code: "25006" }),
      wrote: false,
    });
    await waitUntil(() => router.health().primary === "a", { what: "a is the primary", timeoutMs: 500 });
    expect(router.primaryPool()).toBe(replicas[0]!.pool);
    expect(routeOf(router, { intent: "write" })).toMatchObject({ node: "a" });
    // `b` is still on the old timeline, and so is what was the primary.
    expect(routeOf(router)).toMatchObject({ to: "primary", node: "a" });
    p.script.timeline = 2;
    await router.refresh();
    await router.refresh();
    expect(routeOf(router)).toMatchObject({ to: "replica", node: "p" });
  });

  it("waits for a primary as long as it is told to, and then says that there is none", async () => {
    const { router, p } = await scriptedRouter({ failover: { waitMs: 30 } });
    p.script.error = connectionLost;
    await router.refresh();
    await expect(Promise.resolve(router.checkout({ intent: "write" }))).rejects.toMatchObject({
      code: "SCALE_NO_PRIMARY",
      status: 503,
    });
    const seat = router.checkout({ intent: "write" });
    p.script.error = undefined;
    expect((await seat).route).toMatchObject({ node: "p" });
    (await seat).release({ wrote: true });
  });

  it("serves reads while the primary is gone, but not those that need it", async () => {
    const { router, p } = await scriptedRouter();
    p.script.error = connectionLost;
    await router.refresh();
    expect(router.health()).toMatchObject({ isWritable: false, isReadable: true, primary: undefined });
    expect(routeOf(router)).toMatchObject({ to: "replica" });
    expect(() => router.checkout({ intent: "write" })).toThrow(expect.objectContaining({ code: "SCALE_NO_PRIMARY" }));
  });

  it("lets a server of version 19 wait for the position itself", async () => {
    const a = scriptedNode("a", { version: 190_000, answer: () => ({ rows: [{ status: "success" }] }) });
    const { router, p } = await scriptedRouter({ readYourWrites: { waitMs: 500 } }, [a]);
    routeOf(router, { intent: "write" });
    p.script.lsn = 0x1100;
    const seat = await router.checkout({ intent: "read" });
    expect(seat.route).toMatchObject({ to: "replica", node: "a" });
    expect(a.asked.statements).toEqual([
      expect.stringMatching(/^WAIT FOR LSN '0\/1100' WITH \(MODE 'standby_replay', TIMEOUT '\d+ms', NO_THROW\)$/),
    ]);
    seat.release({ wrote: false });
  });

  it("takes nodes in and lets them go when their last statement is done", async () => {
    const { router } = await scriptedRouter({}, []);
    const a = scriptedNode("a");
    await router.addReplica(a);
    await expect(router.addReplica(scriptedNode("a"))).rejects.toMatchObject({ code: "SCALE_CONFIG" });
    await router.refresh();
    const seat = placeOf(router);
    expect(seat.route.node).toBe("a");
    const removed = router.removeReplica("a", { drainMs: 1_000 });
    expect(routeOf(router)).toMatchObject({ node: "p" });
    await Promise.resolve();
    expect(a.isEnded()).toBe(false);
    seat.release({ wrote: false });
    await removed;
    expect([a.isEnded(), a.events.listenerCount("error")]).toEqual([true, 0]);
  });

  it("keeps the node that takes writes", async () => {
    const { router } = await scriptedRouter();
    await expect(router.removeReplica("p")).rejects.toMatchObject({ code: "SCALE_CONFIG" });
    expect(routeOf(router, { intent: "write" })).toMatchObject({ node: "p" });
  });

  it("keeps to what discovery names, and to what it has when that fails", async () => {
    const [a, b, mine] = [scriptedNode("a"), scriptedNode("b"), scriptedNode("mine", { isOwned: false })];
    let named: () => Promise<ScriptedNode[]> = async () => [a, mine];
    const { router } = await scriptedRouter({ discover: () => named(), discoverMs: 100 }, []);
    const names = (): string[] => router.health().nodes.map(({ name }) => name);
    await waitUntil(() => names().length === 3, { what: "a and mine are there" });
    named = async () => [b];
    await waitUntil(() => names().join() === "p,b", { what: "b took their place" });
    expect([a.isEnded(), mine.isEnded()]).toEqual([true, false]);
    let failures = 0;
    named = async () => {
      failures += 1;
      return failures % 2 === 0 ? [] : Promise.reject(new Error("no DNS"));
    };
    await waitUntil(() => failures > 2, { what: "discovery failed" });
    expect(names()).toEqual(["p", "b"]);
  });

  it("tells of a node that discovery names again after its pool has been ended, and takes a new one", async () => {
    const [a, b] = [scriptedNode("a"), scriptedNode("b")];
    let named = [a, b];
    const errors: string[] = [];
    onTestFinished(discoveryFail.subscribe(({ error }) => void errors.push(String(error))));
    const { router } = await scriptedRouter({ discover: async () => named, discoverMs: 100 }, []);
    const names = (): string =>
      router
        .health()
        .nodes.map(({ name }) => name)
        .join();
    await waitUntil(() => names() === "p,a,b", { what: "both are there" });
    named = [b];
    await waitUntil(() => a.isEnded(), { what: "a is gone" });
    named = [a, b];
    await waitUntil(() => errors.length > 0, { what: "the ended pool was told of" });
    expect([names(), errors[0]]).toEqual(["p,b", "ConfigError: discover: the pool of a has been ended"]);
    named = [scriptedNode("a"), b];
    await waitUntil(() => names() === "p,b,a", { what: "a is back" });
  });

  it("shows a scope nothing of a replica that has gone back in time", async () => {
    const [a, b] = [scriptedNode("a"), scriptedNode("b")];
    const { router, clock, p } = await scriptedRouter({}, [a, b]);
    clock.advance(1_000);
    for (const each of [p, a, b]) each.script.lsn = 2_000;
    await router.refresh();
    await router.run({ startFresh: true }, async () => {
      const seen = routeOf(router).node === "a" ? a : b;
      seen.script.lsn = 1_500;
      await router.refresh();
      expect(routeOf(router)).toMatchObject({ to: "primary" });
    });
  });

  it("lets no replica serve while two nodes take writes on one timeline", async () => {
    const fork = scriptedNode("fork");
    const { router } = await scriptedRouter({}, [scriptedNode("a"), fork]);
    fork.script.isStandby = false;
    await router.refresh();
    expect(routeOf(router)).toMatchObject({ node: "p" });
    expect(router.health().nodes.map(({ reason }) => reason)).toEqual([undefined, "forked", "not-writable"]);
    fork.script.isStandby = true;
    await router.refresh();
    expect(routeOf(router)).toMatchObject({ to: "replica" });
  });
});
