import { tenancy } from "@scale/core";
import { type ContactsCluster, findPostgres, startContacts, waitUntil } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type ContactsClient, prismaFor } from "../../scenarios/prisma-client.js";
import { routed } from "../../test/routed.js";
import { withRouter } from "../prisma/index.js";
import { routedPool } from "./routed-pool.js";

const COUNT = "select count(*)::int as n from contacts where id <= 100";

describe.skipIf(!findPostgres())("a routed pool on a real router", () => {
  let cluster: ContactsCluster;
  let connect: Awaited<ReturnType<typeof prismaFor>>;
  beforeAll(async () => {
    [connect, cluster] = await Promise.all([prismaFor(), startContacts()]);
  });
  afterAll(() => cluster.stop());

  async function on(options: Parameters<typeof routed>[1] = {}): ReturnType<typeof routed> {
    const made = await routed(cluster, options);
    onTestFinished(() => made.router.close());
    return made;
  }

  it("rejects no read while a replica is frozen or killed", async () => {
    const { router } = await on({ lag: { pollMs: 50, pollTimeoutMs: 100 } });
    const pool = routedPool(router);
    const [r1] = cluster.replicas;
    const stop = new AbortController();
    const reads = Array.from({ length: 8 }, () => 0);
    const readers = reads.map(async (_, reader) => {
      while (!stop.signal.aborted) {
        expect((await pool.query(COUNT)).rows).toEqual([{ n: 100 }]);
        reads[reader]! += 1;
      }
    });
    const serves = (what: string): Promise<void> =>
      waitUntil(() => router.health().nodes.some((node) => node.name === "r1" && node.serves === what), {
        what: `r1 serves ${what}`,
      });
    /** Includes the reads that were waiting for the replica when it stopped. */
    const allGoOn = (): Promise<void> => {
      const before = [...reads];
      return waitUntil(() => reads.every((count, i) => count > before[i]! + 1), { what: "every reader goes on" });
    };
    await allGoOn();
    r1.pause();
    await serves("nothing");
    await allGoOn();
    r1.resume();
    await serves("reads");
    await r1.kill();
    await allGoOn();
    await r1.start();
    await serves("reads");
    stop.abort();
    await Promise.all(readers);
  });

  it("shows each concurrent request its own writes, through Prisma, while no replica has them", async () => {
    const { router, sent } = await on();
    const plain: ContactsClient = connect(routedPool(router));
    onTestFinished(() => plain.$disconnect());
    const prisma = plain.$extends(withRouter(router));
    const [r1, r2] = cluster.replicas;
    await prisma.contact.findUnique({ where: { id: 1 } });
    await Promise.all([r1.pauseReplay(), r2.pauseReplay()]);
    sent.length = 0;
    const request = async (id: number): Promise<boolean> => {
      if (id % 2 === 0) return (await prisma.contact.findUnique({ where: { id } })) !== null;
      await prisma.contact.update({ where: { id }, data: { name: `new ${id}` } });
      return (await prisma.contact.findUnique({ where: { id } }))?.name === `new ${id}`;
    };
    for (let round = 0; round < 5; round++) {
      const ids = Array.from({ length: 40 }, (_, i) => i + 1);
      const seen = await Promise.all(ids.map((id) => router.run({ startFresh: true }, () => request(id))));
      expect(ids.filter((_, i) => !seen[i])).toEqual([]);
    }
    // Requests without writes were served by replicas meanwhile.
    expect(sent.filter(({ node, text }) => node !== "primary" && text.includes("contacts")).length).toBeGreaterThan(20);
    await Promise.all([r1.resumeReplay(), r2.resumeReplay()]);
  });

  it("reads an include from one node inside a scope", async () => {
    const { router, sent } = await on({ replicaSelection: { policy: "round-robin" } });
    const prisma: ContactsClient = connect(routedPool(router));
    onTestFinished(() => prisma.$disconnect());
    await cluster.caughtUp();
    const nodes = new Set<string>();
    for (let i = 0; i < 6; i++) {
      sent.length = 0;
      await router.run(
        { startFresh: true },
        async () => await prisma.contact.findMany({ take: 1, include: { notes: true } }),
      );
      const own = new Set(sent.filter(({ text }) => /contacts|notes/.test(text)).map(({ node }) => node));
      expect(own.size).toBe(1);
      own.forEach((node) => nodes.add(node));
    }
    expect([...nodes].sort()).toEqual(["r1", "r2"]);
  });

  it("isolates a tenant from 500 slow queries of another", async () => {
    const { router } = await on({ limits: { bulkhead: { perTenant: 8, maxWaiting: 500, waitMs: 60_000 } } });
    const pool = routedPool(router);
    const ask = async (): Promise<number> => {
      const start = performance.now();
      await tenancy.run({ tenantId: "calm" }, () => pool.query(COUNT));
      return performance.now() - start;
    };
    const p95 = async (): Promise<number> => {
      const times: number[] = [];
      for (let i = 0; i < 60; i++) times.push(await ask());
      return times.sort((a, b) => a - b)[56]!;
    };
    await p95();
    const baseline = await p95();
    const stop = new AbortController();
    const slow = Array.from({ length: 500 }, () =>
      tenancy.run({ tenantId: "noisy" }, async () => {
        while (!stop.signal.aborted) await pool.query("select pg_sleep(0.02)");
      }),
    );
    const crowded = await p95();
    stop.abort();
    await Promise.all(slow);
    // Pauses of the test machine are 20 ms and more, and are not caused by queues.
    expect(crowded).toBeLessThan(Math.max(2 * baseline, 15));
  });

  it("leaves no handle open after close, with a frozen replica too", async () => {
    const handles = (): string[] =>
      process
        .getActiveResourcesInfo()
        .filter((kind) => /TCP|Timeout|Connect/.test(kind))
        .sort();
    const before = handles();
    const { router } = await on({ lag: { pollMs: 20, pollTimeoutMs: 100 } });
    const pool = routedPool(router);
    await Promise.all(Array.from({ length: 20 }, () => pool.query(COUNT)));
    const client = await pool.connect();
    await client.query("begin");
    const frozen = cluster.replicas[1];
    frozen.pause();
    onTestFinished(() => frozen.resume());
    await router.refresh();
    await router.close({ drainMs: 200 });
    client.release(); // The end of the pool waits for it, as with pg.
    await pool.end();
    frozen.resume();
    await waitUntil(() => handles().length <= before.length, { what: `the end of ${handles().join()}` });
  });
});
