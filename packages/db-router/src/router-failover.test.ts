import { closeRouters, read, routerOf, write } from "../test/cluster-router.js";
import { findPostgres, type PostgresNode, startPostgres, waitUntil } from "@scale/testkit";
import { afterEach, describe, expect, it } from "vitest";
import { type PrimaryChanged, primaryChange } from "./events.js";

afterEach(closeRouters);

describe.skipIf(!findPostgres())("a failover", () => {
  it("sends writes to the promoted node, and nothing to the returning old primary", async () => {
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
      // It does not follow the new primary, so its history may have diverged.
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
      await closeRouters();
      await cluster.stop();
    }
  });

  it("excludes a node of another cluster", async () => {
    const [ours, other] = await Promise.all([startPostgres(), startPostgres({ fresh: true })]);
    try {
      const router = await routerOf({
        ...ours,
        nodes: [...ours.nodes, ...other.nodes.map((node) => ({ ...node, name: "x", url: node.url }))],
      });
      expect(router.health().nodes[1]).toMatchObject({ serves: "nothing", reason: "other-system" });
      expect((await read(router)).route.node).toBe("primary");
    } finally {
      await closeRouters();
      await Promise.all([ours.stop(), other.stop()]);
    }
  });
});
