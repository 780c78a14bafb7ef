import { closeRouters, read, routerOf, write } from "../test/cluster-router.js";
import { findPostgres, type PostgresCluster, type PostgresNode, startPostgres, waitUntil } from "@scale/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type NodeEjected, nodeEject } from "./events.js";
import type { Route } from "./types.js";

afterEach(closeRouters);

describe.skipIf(!findPostgres())("a router over a primary and two replicas", () => {
  let cluster: PostgresCluster;
  let r1: PostgresNode;
  let r2: PostgresNode;
  const both = (fn: (node: PostgresNode) => Promise<unknown>): Promise<unknown> => Promise.all([r1, r2].map(fn));

  beforeAll(async () => {
    cluster = await startPostgres({ replicas: 2 });
    [r1, r2] = cluster.replicas as [PostgresNode, PostgresNode];
    await cluster.primary.query("CREATE TABLE t (id serial, n int)");
    await cluster.primary.query("CREATE TABLE counter (n int)");
    await cluster.primary.query("INSERT INTO counter VALUES (0)");
    await cluster.caughtUp();
  });
  afterAll(() => cluster.stop());
  afterEach(async () => {
    await both((node) => node.resumeReplay());
    await cluster.caughtUp();
  });

  it("reports the roles, the timeline and a lag of zero after the first polls", async () => {
    const router = await routerOf(cluster);
    const health = router.health();
    expect(health).toMatchObject({ isWritable: true, primary: "primary", timeline: 1 });
    expect(
      health.nodes.map(({ name, role, serves, lagBytes, lagMs }) => [name, role, serves, lagBytes, lagMs]),
    ).toEqual([
      ["primary", "primary", "writes", undefined, undefined],
      ["r1", "replica", "reads", 0, 0],
      ["r2", "replica", "reads", 0, 0],
    ]);
  });

  it("spreads reads over replicas and sends writes to the primary", async () => {
    const router = await routerOf(cluster);
    const routes = [await read(router), await read(router), await read(router), await read(router)];
    expect(new Set(routes.map(({ route }) => route.node))).toEqual(new Set(["r1", "r2"]));
    expect((await write(router, "UPDATE counter SET n = n")).route).toMatchObject({ to: "primary", reason: "write" });
  });

  it("never reads less than it wrote over 600 cycles with replay paused and resumed", async () => {
    const router = await routerOf(cluster, { lag: { pollMs: 10 } });
    const stale: number[] = [];
    const served = { primary: 0, replica: 0 };
    for (let cycle = 1; cycle <= 600; cycle += 1) {
      if (cycle % 60 === 20) await both((node) => node.pauseReplay());
      if (cycle % 60 === 50) await both((node) => node.resumeReplay());
      await router.run({ startFresh: cycle % 2 === 0 }, async () => {
        await write(router, `UPDATE counter SET n = ${cycle}`);
        for (let again = 0; again < 3; again += 1) {
          const { rows, route } = await read(router, "SELECT n FROM counter");
          served[route.to] += 1;
          if (rows[0]?.["n"] !== cycle) stale.push(cycle);
          // Some cycles pause, so that replicas are selected.
          if (cycle % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 15));
        }
      });
    }
    expect(stale).toEqual([]);
    expect(served.replica).toBeGreaterThan(20);
    expect(served.primary).toBeGreaterThan(200);
  });

  it("returns to replicas within two polls after they caught up", async () => {
    const router = await routerOf(cluster, { lag: { pollMs: 100 } });
    await both((node) => node.pauseReplay());
    await write(router, "UPDATE counter SET n = n + 1");
    await router.refresh();
    expect((await read(router)).route).toMatchObject({ to: "primary", reason: "recent-write" });
    await both((node) => node.resumeReplay());
    await cluster.caughtUp();
    const routes: Route[] = [];
    const from = performance.now();
    while (performance.now() < from + 250) {
      routes.push((await read(router)).route);
      await new Promise((resolve) => setTimeout(resolve, 1)); // polls need time to pass
    }
    expect(routes.at(-1)?.to).toBe("replica");
  });

  it("returns to replicas when a session writes once and then reads without a pause", async () => {
    const router = await routerOf(cluster, { lag: { pollMs: 50 } });
    await router.run({}, async () => {
      await write(router, "UPDATE counter SET n = n + 1");
      const from = performance.now();
      let route = (await read(router)).route;
      while (route.to === "primary" && performance.now() < from + 2_000) ({ route } = await read(router));
      expect(route.to).toBe("replica");
      expect(performance.now() - from).toBeLessThan(500);
    });
  });

  it("waits for a replica for waitMs, and then reads from the primary", async () => {
    const router = await routerOf(cluster, { readYourWrites: { waitMs: 300 }, lag: { pollMs: 200 } });
    await write(router, "UPDATE counter SET n = n + 1");
    expect((await read(router)).route.to).toBe("replica");
    await both((node) => node.pauseReplay());
    await write(router, "UPDATE counter SET n = n + 1");
    const from = performance.now();
    expect((await read(router)).route).toMatchObject({ to: "primary", reason: "recent-write" });
    expect(performance.now() - from).toBeGreaterThan(250);
  });

  it("never reads less than it wrote with commits that do not wait for the disk", async () => {
    const router = await routerOf(cluster, { readYourWrites: { waitMs: 1_000 }, lag: { pollMs: 20 } });
    const served = { primary: 0, replica: 0 };
    for (let n = 1_000; n < 1_015; n += 1) {
      await router.run({ startFresh: true }, async () => {
        await write(router, `BEGIN; SET LOCAL synchronous_commit = off; UPDATE counter SET n = ${n}; COMMIT`);
        const { rows, route } = await read(router, "SELECT n FROM counter");
        served[route.to] += 1;
        expect(rows).toEqual([{ n }]);
      });
    }
    expect(served.replica).toBeGreaterThan(10);
  });

  it("carries writes to another router by token", async () => {
    const secrets = ["a secret that two processes share, 32"];
    const [one, two] = [
      await routerOf(cluster, { readYourWrites: { secrets } }),
      await routerOf(cluster, { readYourWrites: { secrets } }),
    ];
    await both((node) => node.pauseReplay());
    const token = await one.run({}, async () => {
      await write(one, "UPDATE counter SET n = n + 1");
      return one.token();
    });
    expect(token).toMatch(/^[\w-]{72}$/);
    const routeWith = async (brought: string | undefined): Promise<Route> =>
      (await two.run(brought === undefined ? { startFresh: true } : { token: brought }, () => read(two))).route;
    expect(await routeWith(token)).toMatchObject({ to: "primary", reason: "recent-write" });
    expect(await routeWith(undefined)).toMatchObject({ to: "replica" });
    await both((node) => node.resumeReplay());
    await cluster.caughtUp();
    await two.refresh();
    expect(await routeWith(token)).toMatchObject({ to: "replica" });
    expect(await routeWith(`${token}x`)).toMatchObject({ to: "primary", reason: "recent-write" });
  });

  const insertAt = async (): Promise<number> => {
    const [row] = await cluster.primary.query("SELECT (pg_current_wal_insert_lsn() - '0/0')::text AS at");
    return Number(row?.["at"]);
  };
  const message = (bytes: number): Promise<unknown> =>
    cluster.primary.query("SELECT pg_logical_emit_message(false, '', repeat('x', $1::int))", [bytes]);

  it("returns to replicas when the last record ended with its page", async () => {
    const router = await routerOf(cluster);
    await router.run({}, async () => {
      let at = 0;
      for (let attempt = 0; attempt < 50 && at % 8192 !== 24; attempt += 1) {
        const from = await insertAt();
        await message(304);
        const start = await insertAt();
        const left = 8192 - (start % 8192);
        // Fills the rest of the page, unless too little is left or another record is written meanwhile.
        await message(left < 512 ? 512 : left - (start - from - 304));
        at = await insertAt();
      }
      expect(at % 8192).toBe(24);
      (await router.checkout({ intent: "write" })).release({ wrote: true });
      await waitUntil(async () => (await read(router)).route.to === "replica", { what: "a replica", timeoutMs: 2_000 });
      expect(await insertAt()).toBe(at);
    });
  });

  it("returns to replicas after a segment switch", async () => {
    const router = await routerOf(cluster);
    await message(1);
    await cluster.primary.query("SELECT pg_switch_wal()");
    expect((await insertAt()) % (16 * 1024 * 1024)).toBe(40);
    await router.run({}, async () => {
      (await router.checkout({ intent: "write" })).release({ wrote: true });
      await waitUntil(async () => (await read(router)).route.to === "replica", { what: "a replica", timeoutMs: 2_000 });
    });
  });

  it("serves reads elsewhere while a replica is down, and uses it again after its return", async () => {
    const router = await routerOf(cluster);
    const ejected: NodeEjected[] = [];
    const stop = nodeEject.subscribe((event) => ejected.push(event));
    await r1.kill();
    const outcomes = { ok: 0, failed: 0 };
    for (let i = 0; i < 40; i += 1) {
      await read(router).then(
        () => (outcomes.ok += 1),
        () => (outcomes.failed += 1),
      );
      await new Promise((resolve) => setTimeout(resolve, 5)); // polls run meanwhile
    }
    stop();
    expect(outcomes.failed).toBeLessThanOrEqual(2);
    expect(ejected.map(({ node }) => node)).toContain("r1");
    await r1.start();
    await waitUntil(() => router.health().nodes[1]?.serves === "reads", { what: "r1 serves again", timeoutMs: 2_000 });
  });

  it("detects a frozen replica although its old connections are open", async () => {
    const router = await routerOf(cluster);
    await Promise.all(Array.from({ length: 8 }, () => read(router)));
    r2.pause();
    try {
      await waitUntil(() => router.health().nodes[2]?.reason === "unreachable", {
        what: "r2 is out",
        timeoutMs: 3_000,
      });
      expect((await read(router)).route.node).toBe("r1");
    } finally {
      r2.resume();
    }
    await waitUntil(() => router.health().nodes[2]?.serves === "reads", { what: "r2 serves again", timeoutMs: 2_000 });
  });

  it("closes every pool, timer and listener", async () => {
    const active = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "Timeout").length;
    const before = active();
    const router = await routerOf(cluster);
    await Promise.all([read(router), write(router, "UPDATE counter SET n = n")]);
    const pools = router.pools();
    await router.close();
    await router.close();
    expect(pools.map(({ totalCount }) => totalCount)).toEqual([0, 0, 0]);
    await waitUntil(() => active() <= before, { what: "no socket or timer is left" });
    expect(() => router.checkout({ intent: "read" })).toThrow(expect.objectContaining({ code: "SCALE_CLOSED" }));
  });
});
