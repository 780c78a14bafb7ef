import { findPostgres, type PostgresCluster, type PostgresNode, startPostgres, waitUntil } from "@scale/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type NodeEjected, nodeEject, type PrimaryChanged, primaryChange } from "./events.js";
import { pgNode } from "./pg/index.js";
import type { RouterOptions } from "./options.js";
import { createRouter, type Router } from "./router.js";
import type { RouteRequest, Route } from "./types.js";

const routers: Router[] = [];

async function routerOf(cluster: PostgresCluster, options: Partial<RouterOptions> = {}): Promise<Router> {
  const [primary, ...replicas] = cluster.nodes.map(({ name, url }) =>
    pgNode({ name, config: { connectionString: url, max: 5, min: 0, connectionTimeoutMillis: 500 } }),
  );
  const router = createRouter({
    primary: primary!,
    replicas,
    ...options,
    lag: { pollMs: 50, pollTimeoutMs: 200, ...options.lag },
    health: { probeMs: 100, ...options.health },
  });
  routers.push(router);
  await router.ready();
  return router;
}

async function sql(
  router: Router,
  need: RouteRequest,
  text: string,
): Promise<{ route: Route; rows: readonly Record<string, unknown>[] }> {
  const seat = await router.checkout(need);
  try {
    const { rows } = await seat.pool.query(text);
    seat.release({ wrote: need.intent === "write" });
    return { route: seat.route, rows };
  } catch (error) {
    seat.release({ error, wrote: false });
    throw error;
  }
}

const write = (router: Router, text: string) => sql(router, { intent: "write" }, text);
const read = (router: Router, text = "SELECT 1") => sql(router, { intent: "read" }, text);

afterEach(async () => {
  await Promise.all(routers.splice(0).map((router) => router.close({ drainMs: 500 })));
});

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

  it("knows the roles, the timeline and a lag of zero once all have answered", async () => {
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
          // A few cycles give the replicas the time to be chosen.
          if (cycle % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 15));
        }
      });
    }
    expect(stale).toEqual([]);
    expect(served.replica).toBeGreaterThan(20);
    expect(served.primary).toBeGreaterThan(200);
  });

  it("is back on replicas within two polls after they have caught up", async () => {
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
      await new Promise((resolve) => setTimeout(resolve, 1)); // time passes, as the polls' does
    }
    expect(routes.at(-1)?.to).toBe("replica");
  });

  it("is back on replicas when one session writes once and then reads without a pause", async () => {
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

  it("waits for a replica when it is told to, and goes to the primary when the time is up", async () => {
    const router = await routerOf(cluster, { readYourWrites: { waitMs: 300 }, lag: { pollMs: 200 } });
    await write(router, "UPDATE counter SET n = n + 1");
    expect((await read(router)).route.to).toBe("replica");
    await both((node) => node.pauseReplay());
    await write(router, "UPDATE counter SET n = n + 1");
    const from = performance.now();
    expect((await read(router)).route).toMatchObject({ to: "primary", reason: "recent-write" });
    expect(performance.now() - from).toBeGreaterThan(250);
  });

  it("never reads less than it wrote where commits do not wait for the disk", async () => {
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

  it("carries what was written to another router by token", async () => {
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
    expect(token).toMatch(/^v1\.\d+\.1\.[0-9A-F]+\/[0-9A-F]+\.\d+\.[\w-]{43}$/);
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

  it("comes back to replicas when the last record has ended with its page", async () => {
    const router = await routerOf(cluster);
    await router.run({}, async () => {
      let at = 0;
      for (let attempt = 0; attempt < 50 && at % 8192 !== 24; attempt += 1) {
        const from = await insertAt();
        await message(304);
        const start = await insertAt();
        const left = 8192 - (start % 8192);
        // Fills the rest of the page, unless that is too little, or another record comes in between.
        await message(left < 512 ? 512 : left - (start - from - 304));
        at = await insertAt();
      }
      expect(at % 8192).toBe(24);
      (await router.checkout({ intent: "write" })).release({ wrote: true });
      await waitUntil(async () => (await read(router)).route.to === "replica", { what: "a replica", timeoutMs: 2_000 });
      expect(await insertAt()).toBe(at);
    });
  });

  it("comes back to replicas when a segment was switched", async () => {
    const router = await routerOf(cluster);
    await message(1);
    await cluster.primary.query("SELECT pg_switch_wal()");
    expect((await insertAt()) % (16 * 1024 * 1024)).toBe(40);
    await router.run({}, async () => {
      (await router.checkout({ intent: "write" })).release({ wrote: true });
      await waitUntil(async () => (await read(router)).route.to === "replica", { what: "a replica", timeoutMs: 2_000 });
    });
  });

  it("serves reads elsewhere while a replica is killed, and takes it back when it is there again", async () => {
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
      await new Promise((resolve) => setTimeout(resolve, 5)); // so that polls come in between
    }
    stop();
    expect(outcomes.failed).toBeLessThanOrEqual(2);
    expect(ejected.map(({ node }) => node)).toContain("r1");
    await r1.start();
    await waitUntil(() => router.health().nodes[1]?.serves === "reads", { what: "r1 serves again", timeoutMs: 2_000 });
  });

  it("finds out that a replica is frozen, though its old connections are open", async () => {
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

  it("leaves no pool, timer or listener behind", async () => {
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

describe.skipIf(!findPostgres())("a failover", () => {
  it("sends writes to the promoted node, and nothing to the old primary that comes back", async () => {
    const cluster = await startPostgres({ replicas: 2 });
    try {
      const [r1, r2] = cluster.replicas as [PostgresNode, PostgresNode];
      await cluster.primary.query("CREATE TABLE t (n int)");
      await cluster.caughtUp();
      const router = await routerOf(cluster, { failover: { waitMs: 3_000 } });
      const changes: PrimaryChanged[] = [];
      const stop = primaryChange.subscribe((event) => changes.push(event));
      const before = await router.run({}, async () => {
        await write(router, "INSERT INTO t VALUES (1)");
        return router.token();
      });
      await cluster.caughtUp();
      await cluster.primary.kill();
      await write(router, "INSERT INTO t VALUES (2)").catch(() => undefined);
      const waiting = waitUntil(() => !router.health().isWritable, { what: "no primary" }).then(() =>
        write(router, "INSERT INTO t VALUES (3)"),
      );
      await waitUntil(() => !router.health().isWritable, { what: "no primary" });
      await r1.promote();
      expect((await waiting).route).toMatchObject({ to: "primary", node: "r1" });
      // It does not follow the new primary: what it has may be of a history that nobody else has.
      await router.refresh();
      expect(router.health().nodes[2]).toMatchObject({ serves: "nothing", reason: "other-timeline" });
      await r2.repoint(r1);
      await waitUntil(() => router.health().nodes[2]?.serves === "reads", { what: "r2 follows" });
      await cluster.primary.start();
      await waitUntil(() => router.health().nodes[0]?.reason === "other-timeline", {
        what: "the old primary is refused",
      });
      for (let n = 10; n < 20; n += 1)
        expect((await write(router, `INSERT INTO t VALUES (${n})`)).route.node).toBe("r1");
      const onOld = await cluster.primary.query("SELECT count(*)::int AS n FROM t WHERE n >= 3");
      expect(onOld).toEqual([{ n: 0 }]);
      expect(changes.map(({ from, to, timeline }) => [from, to, timeline])).toEqual([
        ["primary", undefined, 1],
        [undefined, "r1", 2],
      ]);
      const route = await router.run({ token: before }, async () => (await read(router)).route);
      expect(route).toMatchObject({ to: "primary", reason: "recent-write" });
      stop();
    } finally {
      await Promise.all(routers.splice(0).map((router) => router.close({ drainMs: 500 })));
      await cluster.stop();
    }
  });

  it("refuses a node of another cluster", async () => {
    const [ours, other] = await Promise.all([startPostgres(), startPostgres({ fresh: true })]);
    try {
      const router = await routerOf({
        ...ours,
        nodes: [...ours.nodes, ...other.nodes.map((node) => ({ ...node, name: "x", url: node.url }))],
      });
      expect(router.health().nodes[1]).toMatchObject({ serves: "nothing", reason: "other-system" });
      expect((await read(router)).route.node).toBe("primary");
    } finally {
      await Promise.all(routers.splice(0).map((router) => router.close({ drainMs: 500 })));
      await Promise.all([ours.stop(), other.stop()]);
    }
  });
});
