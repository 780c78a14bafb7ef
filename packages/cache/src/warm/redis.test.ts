import { seededRandom, waitUntil } from "@scale/testkit";
import { afterEach, describe, expect, inject, it } from "vitest";
import { createDatabase, rowOf, sleep } from "../../scenarios/database.js";
import { type Node, startFaultProxy, startNode, untilServed } from "../../scenarios/node.js";

const url = inject("redisUrl");
const SEED = 20_261_120;
let prefixes = 0;
console.info(`warm/redis.test.ts: seed ${SEED}`);

const named = (count: number, name = "t"): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`);

describe.skipIf(!url)("cache.warm with Redis", () => {
  const random = seededRandom(SEED);
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
  });

  async function start(count: number, options: Partial<Parameters<typeof startNode>[1]> = {}): Promise<Node[]> {
    const prefix = `warm:${process.pid}:${prefixes++}`;
    const nodes = Array.from({ length: count }, () => startNode(url, { prefix, ...options }));
    open.push(...nodes);
    await untilServed(...nodes);
    return nodes;
  }

  it("loads each value once, whatever the number of processes that warm it", async () => {
    const nodes = await start(3);
    const database = createDatabase(() => random() * 3);
    const reports = await Promise.all(
      nodes.map((node) => node.cache.warm({ tenants: named(40), entries: [[rowOf(node, database), () => named(3)]] })),
    );
    expect(database.loads()).toBe(120);
    expect(reports.reduce((sum, { loaded }) => sum + loaded, 0)).toBe(120);
    expect(reports.every(({ loaded, fresh }) => loaded + fresh === 120)).toBe(true);
    // Each process has all values in its memory.
    for (const node of nodes) expect(node.cache.tenant("t7").peek(rowOf(node, database), "t2")).toBe(0);
  });

  it("fills only the store with memory: skip, and resolves after it is filled", async () => {
    const [near, far] = (await start(2)) as [Node, Node];
    const database = createDatabase(() => 0);
    const row = rowOf(near, database);
    await near.cache.warm({ tenants: named(20), entries: [[row, () => named(3)]], memory: "skip" });
    expect(near.cache.stats().memory.entries).toBe(0);
    const { source } = await far.cache.tenant("t0").getWithInfo(rowOf(far, database), "t0");
    expect([source, database.loads()]).toEqual(["store", 60]);
  });

  it("keeps no value that any process invalidates during the run", async () => {
    const nodes = (await start(2)) as [Node, Node];
    const database = createDatabase(() => random() * 6);
    const rows = nodes.map((node) => rowOf(node, database));
    const tenants = named(60);
    const ids = named(3, "row");
    const runs = nodes.map((node, i) =>
      node.cache.warm({
        tenants,
        entries: [[rows[i]!, (tenantId) => ids.map((id) => `${tenantId}-${id}`)]],
        concurrency: 12,
      }),
    );
    const truth = new Map<string, number>();
    await Promise.all(
      tenants.flatMap((tenantId) =>
        ids.map(async (each, i) => {
          const id = `${tenantId}-${each}`;
          await sleep(random() * 200);
          truth.set(id, database.change(id));
          const node = nodes[Math.floor(random() * 2)]!;
          const tenant = node.cache.tenant(tenantId);
          if (i === 0) await tenant.invalidate(rows[0]!, id);
          else if (i === 1) await tenant.invalidateTags([`of:${id}`]);
          else await tenant.clear();
        }),
      ),
    );
    await Promise.all(runs);
    await sleep(60);
    const stale: string[] = [];
    for (const [id, value] of truth) {
      for (const [i, node] of nodes.entries()) {
        const tenant = node.cache.tenant(id.split("-")[0]);
        const seen = tenant.peek(rows[i]!, id);
        if (seen !== undefined && seen < value) stale.push(`${id}: memory of node ${i}`);
        if ((await tenant.get(rows[i]!, id)) < value) stale.push(`${id}: node ${i}`);
      }
    }
    expect(stale).toEqual([]);
  });

  it("ends and loads all values while Redis stalls", async () => {
    const proxy = await startFaultProxy(url);
    open.push(proxy);
    const node = startNode(proxy.url, { prefix: `warm:${process.pid}:${prefixes++}`, timeoutMs: 50, busUrl: url });
    open.push(node);
    await untilServed(node);
    const database = createDatabase(() => 0);
    const row = rowOf(node, database);
    const run = node.cache.warm({ tenants: named(300), entries: [[row, () => ["a"]]], concurrency: 4 });
    await waitUntil(() => run.report().loaded > 20, { what: "some are warmed", everyMs: 1 });
    proxy.stall();
    expect(await run).toMatchObject({ done: 300, failed: 0 });
    expect(database.loads()).toBe(300);
    proxy.unstall();
  });
});
