import { seededRandom } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { createDatabase, rowOf, sleep } from "../test/database.js";
import { type FaultProxy, type Node, startFaultProxy, startNode, untilServed } from "../test/node.js";

const url = inject("redisUrl");
const SEED = 20_261_120;
const TIMINGS = 100;
const BOUND_MS = 300;
console.info(`race.test.ts: seed ${SEED}`);

const ids = Array.from({ length: TIMINGS }, (_, i) => `row-${i}`);

describe.skipIf(!url)("invalidation races", () => {
  const random = seededRandom(SEED);
  const upTo = (ms: number): number => random() * ms;
  let nodes: [Node, Node, Node];
  let prefixes = 0;

  beforeAll(async () => {
    const options = { prefix: `race:${process.pid}:${prefixes++}`, staleness: { bound: BOUND_MS } };
    nodes = [startNode(url, options), startNode(url, options), startNode(url, options)];
    await untilServed(...nodes);
  });
  afterAll(() => {
    for (const node of nodes) node.close();
  });

  const ways = [
    [
      "its key",
      (node: Node, tenantId: string, id: string, row: ReturnType<typeof rowOf>) =>
        node.cache.tenant(tenantId).invalidate(row, id),
    ],
    ["its tag", (node: Node, tenantId: string, id: string) => node.cache.tenant(tenantId).invalidateTags([`of:${id}`])],
    ["its tenant", (node: Node, tenantId: string) => node.cache.tenant(tenantId).clear()],
  ] as const;

  it.each(ways)("never serve what %s ended before, wherever a load was under way", async (way, invalidate) => {
    const database = createDatabase(() => upTo(8));
    const rows = nodes.map((node) => rowOf(node, database));
    const stale: string[] = [];

    async function trial(id: string, i: number): Promise<void> {
      const tenantId = `${way} ${way === "its tenant" ? id : "all"}`;
      const read = async (at: number): Promise<number> => nodes[at]!.cache.tenant(tenantId).get(rows[at]!, id);
      const [loader, other, third] = [i % 3, (i + (i % 2)) % 3, (i + 2) % 3];
      const early = read(loader);
      await sleep(upTo(20));
      const truth = database.change(id);
      await invalidate(nodes[other]!, tenantId, id, rows[other]!);
      // The node that invalidated, at once; the others once the message is there.
      if ((await read(other)) < truth) stale.push(`${id}: invalidating node`);
      await early;
      await sleep(60);
      if ((await read(loader)) < truth) stale.push(`${id}: loading node`);
      if ((await read(third)) < truth) stale.push(`${id}: third node`);
    }

    await Promise.all(ids.map(trial));
    expect(stale).toEqual([]);
    // Two loads of each id, and a third where a fill was overtaken: the cache does cache.
    expect(database.loads()).toBeLessThan(TIMINGS * 3.5);
  });

  it("let a reader that comes after an invalidation wait for no load that began before it", async () => {
    const database = createDatabase(() => upTo(8));
    const [node] = nodes;
    const row = rowOf(node, database);
    const acme = node.cache.tenant("right after");
    const stale = await Promise.all(
      ids.map(async (id) => {
        const early = acme.get(row, id);
        await sleep(upTo(12));
        const truth = database.change(id);
        const done = acme.invalidate(row, id);
        const [first] = await Promise.all([done.then(() => acme.get(row, id)), early]);
        return first < truth;
      }),
    );
    expect(stale.filter(Boolean).length).toBe(0);
  });

  it("leave what was set last, in every process", async () => {
    const database = createDatabase(() => upTo(8));
    const rows = nodes.map((node) => rowOf(node, database));
    const tenants = nodes.map(({ cache }) => cache.tenant("set"));
    const wrong = await Promise.all(
      ids.map(async (id, i) => {
        const early = tenants[i % 3]!.get(rows[i % 3]!, id);
        await sleep(upTo(15));
        const value = database.change(id);
        const writer = (i + (i % 2)) % 3;
        await tenants[writer]!.set(rows[writer]!, { params: id, value });
        const own = await tenants[writer]!.get(rows[writer]!, id);
        await early;
        await sleep(60);
        const all = await Promise.all(tenants.map((tenant, at) => tenant.get(rows[at]!, id)));
        return own < value || all.some((each) => each < value);
      }),
    );
    expect(wrong.filter(Boolean).length).toBe(0);
  });
});

describe.skipIf(!url)("faults", () => {
  const random = seededRandom(SEED + 1);
  const upTo = (ms: number): number => random() * ms;
  let commands: FaultProxy;
  let bus: FaultProxy;
  let near: Node;
  let far: Node;

  beforeAll(async () => {
    [commands, bus] = [await startFaultProxy(url), await startFaultProxy(url)];
    const options = { prefix: `fault:${process.pid}`, staleness: { bound: BOUND_MS }, timeoutMs: 100 };
    near = startNode(commands.url, { ...options, busUrl: bus.url });
    far = startNode(url, options);
    await untilServed(near, far);
  });
  afterAll(async () => {
    near.close();
    far.close();
    await Promise.all([commands.close(), bus.close()]);
  });

  const cuts = [
    ["is cut", () => bus.reset(), async () => undefined],
    [
      "falls silent without an end",
      () => bus.blackHole(),
      async () => {
        await bus.up();
        bus.reset();
      },
    ],
    ["is held up", () => bus.stall(), async () => bus.unstall()],
  ] as const;

  it.each(cuts)("memory is at most the bound old when the subscription %s", async (how, cut, repair) => {
    const database = createDatabase(() => 0);
    const [nearRow, farRow] = [rowOf(near, database), rowOf(far, database)];
    const [mine, theirs] = [near.cache.tenant(how), far.cache.tenant(how)];
    let stale = 0;
    for (let round = 0; round < 10; round++) {
      const some = ids.slice(round * 10, round * 10 + 10);
      await untilServed(near);
      await Promise.all(some.map((id) => mine.get(nearRow, id)));
      cut();
      const late = some.map(async (id) => {
        await sleep(upTo(40));
        const truth = database.change(id);
        await theirs.invalidate(farRow, id);
        await sleep(BOUND_MS + 5);
        if ((await mine.get(nearRow, id)) < truth) stale++;
      });
      await sleep(upTo(40));
      if (round % 2 === 0) await repair();
      await Promise.all(late);
      await repair();
      // What was kept meanwhile must not come back to life either.
      await untilServed(near);
      for (const id of some) if ((await mine.get(nearRow, id)) < database.now(id)) stale++;
    }
    expect(stale).toBe(0);
  });

  it("an invalidation during an outage is queued, and nothing brings the old value back", async () => {
    const database = createDatabase(() => 0);
    const [nearRow, farRow] = [rowOf(near, database), rowOf(far, database)];
    const [mine, theirs] = [near.cache.tenant("outage"), far.cache.tenant("outage")];
    let stale = 0;
    const receipts = new Set<string>();
    let slowest = 0;
    for (let round = 0; round < 10; round++) {
      const some = ids.slice(round * 10, round * 10 + 10);
      await untilServed(near, far);
      await Promise.all(some.map((id) => mine.get(nearRow, id)));
      if (round % 2 === 0) await commands.down();
      else commands.stall();
      await Promise.all(
        some.map(async (id) => {
          await sleep(upTo(30));
          const truth = database.change(id);
          const before = performance.now();
          const { state } = await mine.invalidate(nearRow, id);
          slowest = Math.max(slowest, performance.now() - before);
          receipts.add(state);
          if ((await mine.get(nearRow, id)) < truth) stale++;
        }),
      );
      await sleep(upTo(100));
      if (round % 2 === 0) await commands.up();
      else commands.unstall();
      await expect.poll(() => near.cache.health().queuedInvalidations, { timeout: 10_000 }).toBe(0);
      await sleep(30);
      for (const id of some) {
        if ((await mine.get(nearRow, id)) < database.now(id)) stale++;
        if ((await theirs.get(farRow, id)) < database.now(id)) stale++;
      }
    }
    expect([...receipts]).toEqual(["queued"]);
    expect(stale).toBe(0);
    expect(slowest).toBeLessThan(200);
  });

  it("a reader never waits for a Redis that does not answer longer than the timeout, and only once", async () => {
    const database = createDatabase(() => 0);
    const row = rowOf(near, database);
    const acme = near.cache.tenant("stall");
    const times: number[] = [];
    for (const id of ids) {
      if (times.length === 0) commands.stall();
      const before = performance.now();
      await acme.get(row, id);
      times.push(performance.now() - before);
    }
    commands.unstall();
    expect(times[0]).toBeLessThan(180);
    expect(times.slice(1).sort((a, b) => a - b)[90]).toBeLessThan(20);
  });
});
