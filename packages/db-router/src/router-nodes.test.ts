import { TimeoutError } from "@scale/core";
import { waitUntil } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { BusyError } from "./errors.js";
import { createRouter } from "./router.js";
import { createShardedRouter } from "./sharded.js";
import type { NodeLoss } from "./types.js";
import { scriptedNode, type ServerScript } from "../test/scripted-node.js";
import { closeAfterTest, connectionLost, checkoutOf, routeOf, scriptedRouter } from "../test/scripted-router.js";

describe("a router whose nodes fail, lag, come and go", () => {
  it("serves reads if the primary is down at the start", async () => {
    const p = scriptedNode("p", { isStandby: false, error: connectionLost });
    const router = closeAfterTest(createRouter({ primary: p, replicas: [scriptedNode("a")], lag: { pollMs: 4_000 } }));
    await router.ready();
    expect(router.health()).toMatchObject({ isWritable: false, isReadable: true, systemId: "7" });
    expect(routeOf(router)).toMatchObject({ to: "replica", node: "a" });
  });

  it("excludes replicas that lag by bytes or by time, except the least lagging for minServing", async () => {
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

  it("keeps minServing replicas serving, the least lagging first", async () => {
    const replicas = [scriptedNode("a", { lsn: 10 }), scriptedNode("b", { lsn: 20 })];
    const { router } = await scriptedRouter({ lag: { maxBytes: 1, minServing: 1, pollMs: 1_000 } }, replicas);
    expect([routeOf(router).node, routeOf(router).node]).toEqual(["b", "b"]);
  });

  it("excludes a node whose last poll is stale", async () => {
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

  it("excludes a node after a lost connection until its next poll", async () => {
    const { router, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    const checkout = checkoutOf(router);
    checkout.release({ error: connectionLost, wrote: false });
    expect(routeOf(router)).toMatchObject({ to: "primary", reason: "no-healthy-replica" });
    await waitUntil(() => router.health().nodes[1]?.serves === "reads", { what: "a serves" });
    replicas[0]!.events.emit("error", new Error("terminated"));
    expect(router.health().nodes[1]).toMatchObject({ reason: "connection-lost" });
    await waitUntil(() => router.health().nodes[1]?.serves === "reads", { what: "a serves" });
  });

  it("ejects a node whose statements fail although polls succeed, and runs one trial", async () => {
    const { router, clock } = await scriptedRouter({}, [scriptedNode("a")]);
    for (let i = 0; i < 2; i += 1) {
      checkoutOf(router).release({ error: connectionLost, wrote: false });
      await router.refresh();
    }
    expect(router.health().nodes[1]).toMatchObject({ reason: "failures" });
    clock.advance(1_100);
    await router.refresh();
    const trial = checkoutOf(router);
    expect(trial.route).toMatchObject({ node: "a" });
    expect(routeOf(router)).toMatchObject({ node: "p" });
    trial.release({ wrote: false });
    expect(routeOf(router)).toMatchObject({ node: "a" });
  });

  it("counts neither statement errors nor a full pool against a node", async () => {
    const { router } = await scriptedRouter({}, [scriptedNode("a")]);
    const errors = [Object.assign(new Error("x"), { code: "42P01" }), new BusyError("pool", "waited-too-long")];
    for (const error of [...errors, ...errors, ...errors]) checkoutOf(router).release({ error, wrote: false });
    expect(routeOf(router)).toMatchObject({ node: "a" });
  });

  it("calls eject listeners for an unreachable node, and not for one lost connection", async () => {
    const { router, clock, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    const losses: NodeLoss[] = [];
    const stop = router.onEject((loss) => losses.push(loss));
    checkoutOf(router).release({ error: connectionLost, wrote: false });
    await router.refresh();
    expect(losses).toEqual([]);
    const [a] = replicas;
    a!.script.error = connectionLost;
    await router.refresh();
    expect(losses).toEqual([{ node: "a", pool: a!.pool, isFinal: false, cause: connectionLost }]);
    // After health.giveUpMs its replies are awaited no more.
    clock.advance(5_000);
    await router.refresh();
    expect(losses.at(-1)).toMatchObject({ node: "a", isFinal: true });
    stop();
  });

  it("continues after a listener throws, and emits a warning", async () => {
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

  it("detects a server that answers on old connections only", async () => {
    const { router, clock, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    replicas[0]!.script.probeError = new Error("timeout expired");
    clock.advance(1_000);
    await router.refresh();
    expect(router.health().nodes[1]).toMatchObject({ reason: "unreachable" });
    replicas[0]!.script.probeError = undefined;
    await router.refresh();
    expect(router.health().nodes[1]).toMatchObject({ serves: "reads" });
  });

  it("keeps a server that has no connection slot left", async () => {
    const { router, clock, replicas } = await scriptedRouter({}, [scriptedNode("a")]);
    replicas[0]!.script.probeError = Object.assign(new Error("too many clients"), { code: "53300" });
    clock.advance(1_000);
    await router.refresh();
    expect(router.health().nodes[1]).toMatchObject({ serves: "reads" });
  });

  it("follows a promotion, and polls at once after the primary refused a write", async () => {
    const { router, p, replicas } = await scriptedRouter();
    Object.assign(replicas[0]!.script, { isStandby: false, timeline: 2 } satisfies Partial<ServerScript>);
    p.script.isStandby = true;
    checkoutOf(router, { intent: "write" }).release({
      error: Object.assign(new Error("read-only"), { code: "25006" }),
      wrote: false,
    });
    await waitUntil(() => router.health().primary === "a", { what: "a is the primary", timeoutMs: 500 });
    expect(router.primaryPool()).toBe(replicas[0]!.pool);
    expect(routeOf(router, { intent: "write" })).toMatchObject({ node: "a" });
    // `b` and the old primary are still on the old timeline.
    expect(routeOf(router)).toMatchObject({ to: "primary", node: "a" });
    p.script.timeline = 2;
    await router.refresh();
    await router.refresh();
    expect(routeOf(router)).toMatchObject({ to: "replica", node: "p" });
  });

  it("waits for a primary for failover.waitMs, and then rejects", async () => {
    const { router, p } = await scriptedRouter({ failover: { waitMs: 30 } });
    p.script.error = connectionLost;
    await router.refresh();
    await expect(Promise.resolve(router.checkout({ intent: "write" }))).rejects.toMatchObject({
      code: "SCALE_NO_PRIMARY",
      status: 503,
    });
    const checkout = router.checkout({ intent: "write" });
    p.script.error = undefined;
    expect((await checkout).route).toMatchObject({ node: "p" });
    (await checkout).release({ wrote: true });
  });

  it("serves reads without a primary, except those that need it", async () => {
    const { router, p } = await scriptedRouter();
    p.script.error = connectionLost;
    await router.refresh();
    expect(router.health()).toMatchObject({ isWritable: false, isReadable: true, primary: undefined });
    expect(routeOf(router)).toMatchObject({ to: "replica" });
    expect(() => router.checkout({ intent: "write" })).toThrow(expect.objectContaining({ code: "SCALE_NO_PRIMARY" }));
  });

  it("sends statements to a silent primary without a successor, as there is nowhere else to go", async () => {
    const { router, clock, p } = await scriptedRouter();
    p.script.error = new TimeoutError("a poll of p", 500);
    await router.refresh();
    expect(router.health()).toMatchObject({ isWritable: false });
    expect(routeOf(router, { intent: "write" })).toMatchObject({ node: "p", reason: "write" });
    expect(() => router.checkout({ intent: "write", except: new Set(["p"]) })).toThrow(
      expect.objectContaining({ code: "SCALE_NO_PRIMARY", cause: p.script.error }),
    );
    clock.advance(5_000);
    await router.refresh();
    expect(() => router.checkout({ intent: "write" })).toThrow(expect.objectContaining({ code: "SCALE_NO_PRIMARY" }));
  });

  it("identifies a lost node by its pool, because two shards may use one name", async () => {
    const [eu, us] = [await scriptedRouter({}, [scriptedNode("r1")]), await scriptedRouter({}, [scriptedNode("r1")])];
    const sharded = createShardedRouter({
      shards: { eu: eu.router, us: us.router },
      tenants: { resolve: () => "eu" },
    });
    const pools: unknown[] = [];
    const stop = sharded.onEject(({ pool }) => pools.push(pool));
    eu.replicas[0]!.script.error = connectionLost;
    await eu.router.refresh();
    stop();
    expect(pools).toEqual([eu.replicas[0]!.pool]);
    expect(pools[0]).not.toBe(us.replicas[0]!.pool);
  });

  it("lets a server of version 19 wait for the position", async () => {
    const a = scriptedNode("a", { version: 190_000, answer: () => ({ rows: [{ status: "success" }] }) });
    const { router, p } = await scriptedRouter({ readYourWrites: { waitMs: 500 } }, [a]);
    routeOf(router, { intent: "write" });
    p.script.lsn = 0x1100;
    const checkout = await router.checkout({ intent: "read" });
    expect(checkout.route).toMatchObject({ to: "replica", node: "a" });
    expect(a.received.statements).toEqual([
      expect.stringMatching(/^WAIT FOR LSN '0\/1100' WITH \(MODE 'standby_replay', TIMEOUT '\d+ms', NO_THROW\)$/),
    ]);
    checkout.release({ wrote: false });
  });

  it("sends a scope to the primary after its replica went back in time", async () => {
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

  it("excludes all replicas while two nodes take writes on one timeline", async () => {
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
