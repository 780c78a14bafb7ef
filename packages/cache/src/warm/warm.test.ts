import { ConfigError, InputError, tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, expectTypeOf, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { type Cache, createCache, type Definition } from "../index.js";

/** A definition that records its loads and the largest number of them in progress. */
function tableOf(cache: Cache, more: { work?: (tenantId: string, id: string) => Promise<void> } = {}) {
  const loads: string[] = [];
  let running = 0;
  let most = 0;
  const row: Definition<string, string> = cache.define({
    name: "row",
    key: (id: string) => id,
    ttl: "1m",
    async load(id, { tenantId }) {
      most = Math.max(most, ++running);
      loads.push(`${tenantId}/${id}`);
      try {
        await (more.work ?? soon)(tenantId, id);
        return `${id} of ${tenantId}`;
      } finally {
        running--;
      }
    },
  });
  return { row, loads, most: () => most };
}

const soon = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
const named = (count: number, name = "t"): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`);

describe("cache.warm", () => {
  it("loads values before they are asked for, and reports what it did", async () => {
    const cache = createCache();
    const { row, loads } = tableOf(cache);
    const report = await cache.warm({ tenants: ["acme", "globex"], entries: [[row, () => ["a", "b"]]] });
    expect(report).toMatchObject({ done: 2, loaded: 4, fresh: 0, failed: 0, isAborted: false, failures: [] });
    expect(report.resume).toBeUndefined();
    expect(cache.tenant("globex").peek(row, "b")).toBe("b of globex");
    const again = await cache.warm({ tenants: new Set(["acme", "globex"]), entries: [[row, () => ["a", "b", "c"]]] });
    expect(again).toMatchObject({ loaded: 2, fresh: 4 });
    expect(loads.length).toBe(6);
  });

  it("reads params from streams and promises, in the context of the tenant", async () => {
    const cache = createCache();
    const { row, loads } = tableOf(cache);
    async function* some(tenantId: string) {
      for (const id of ["a", "b"]) {
        await soon();
        yield `${id}-${tenantId}-${tenancy.require().tenantId}`;
      }
    }
    async function* tenants() {
      yield "acme";
      await soon();
      yield "globex";
    }
    const promised = async (tenantId: string) => [`p-${tenantId}-${tenancy.require().tenantId}`];
    const options = { tenants: tenants(), entries: [[row, some] as const, [row, promised] as const] };
    await tenancy.run({ tenantId: "other" }, () => cache.warm(options));
    expect(loads.toSorted()).toEqual(
      ["acme", "globex"].flatMap((id) => [`${id}/a-${id}-${id}`, `${id}/b-${id}-${id}`, `${id}/p-${id}-${id}`]),
    );
  });

  it("limits the loads in progress, in all and of one tenant", async () => {
    const both = createCache();
    const wide = tableOf(both);
    await both.warm({ tenants: named(30), entries: [[wide.row, () => named(5)]], concurrency: 6 });
    expect([wide.most(), wide.loads.length]).toEqual([6, 150]);
    const one = createCache();
    const narrow = tableOf(one);
    await one.warm({ tenants: ["acme"], entries: [[narrow.row, () => named(30)]], perTenantConcurrency: 3 });
    expect([narrow.most(), narrow.loads.length]).toEqual([3, 30]);
  });

  it("loads with loadMany in batches", async () => {
    const cache = createCache();
    const sizes: number[] = [];
    const row = cache.define<string, string>({
      name: "row",
      key: (id) => id,
      ttl: "1m",
      load: (id) => id,
      async loadMany(ids) {
        sizes.push(ids.length);
        return ids;
      },
    });
    await cache.tenant("acme").get(row, "t7");
    const report = await cache.warm({ tenants: ["acme"], entries: [[row, () => named(250)]] });
    expect(report).toMatchObject({ loaded: 249, fresh: 1 });
    expect(sizes.toSorted((a, b) => a - b)).toEqual([50, 99, 100]);
  });

  it("counts failures with their reasons, and continues", async () => {
    const cache = createCache();
    const { row } = tableOf(cache, {
      async work(_tenantId, id) {
        if (id === "bad") throw new Error("no row");
      },
    });
    const report = await cache.warm({
      tenants: ["acme", "", "globex"],
      entries: [
        [row, (id) => (id === "acme" ? ["a", "bad", "b"] : Promise.reject(new Error("no list")))],
        [row, () => ["c"]],
      ],
    });
    expect(report).toMatchObject({ done: 3, loaded: 4, failed: 3 });
    const reasons = report.failures.map(({ tenantId, name, key, error }) => [
      tenantId,
      name,
      key,
      (error as Error).message,
    ]);
    expect(reasons.toSorted((a, b) => String(a[0]).localeCompare(String(b[0])))).toEqual([
      ["", undefined, undefined, expect.stringContaining("tenantId")],
      ["acme", "row", "bad", "no row"],
      ["globex", "row", undefined, "no list"],
    ]);
  });

  it("reports the first hundred failures and the number of all", async () => {
    const cache = createCache();
    const { row } = tableOf(cache, { work: () => Promise.reject(new Error("no")) });
    const report = await cache.warm({ tenants: named(50), entries: [[row, () => named(5)]] });
    expect([report.failed, report.failures.length]).toEqual([250, 100]);
  });

  it("stays within the rate, which fresh values do not count for", async () => {
    const clock = createManualClock();
    const cache = createCache({ clock });
    const { row, loads } = tableOf(cache);
    await cache.warm({ tenants: named(200, "fresh"), entries: [[row, () => ["a"]]] });
    loads.length = 0;
    const run = cache.warm({
      tenants: [...named(200, "fresh"), ...named(200, "new")],
      entries: [[row, () => ["a"]]],
      maxLoadsPerSecond: 100,
    });
    // The clock stands still: after the fresh values, only one burst is loaded.
    await expect.poll(() => run.report().loaded).toBe(10);
    expect(run.report()).toMatchObject({ fresh: 200, loaded: 10 });
    clock.advance(500);
    await expect.poll(() => loads.length).toBeGreaterThan(10);
    for (let seconds = 0; run.report().done < 400; seconds++) {
      expect(seconds).toBeLessThan(200);
      const before = loads.length;
      clock.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 15));
      expect(loads.length - before).toBeLessThanOrEqual(20);
    }
    expect((await run).loaded).toBe(200);
  });

  it("starts nothing after an abort, waits for running loads, and returns where to resume", async () => {
    const cache = createCache();
    const stop = new AbortController();
    const slow = gate();
    const { row, loads } = tableOf(cache, {
      async work(tenantId) {
        if (tenantId === "t5") {
          stop.abort();
          await slow.opened;
        }
      },
    });
    const { signal } = stop;
    let isClosed = false;
    function* tenants() {
      try {
        yield* named(20);
      } finally {
        isClosed = true;
      }
    }
    const options = { entries: [[row, () => ["a"]]] as const, concurrency: 1 };
    const run = cache.warm({ ...options, tenants: tenants(), signal });
    await expect.poll(() => loads.length).toBe(6);
    await soon();
    expect(run.report().isAborted).toBe(false);
    slow.open();
    const report = await run;
    // All values of t5 are loaded, but its source was not read to the end.
    expect(report).toMatchObject({ isAborted: true, done: 5, loaded: 6 });
    expect([loads.length, isClosed]).toEqual([6, true]);
    const rest = await cache.warm({ ...options, tenants: named(20), resume: report.resume! });
    expect(rest).toMatchObject({ isAborted: false, done: 20, loaded: 14, fresh: 1, resume: undefined });
  });

  it("ends on an abort although a source never settles", async () => {
    const cache = createCache();
    const { row } = tableOf(cache);
    const stop = new AbortController();
    async function* silent() {
      await new Promise(() => undefined);
      yield "a";
    }
    const [promise, source, list] = [
      cache.warm({
        tenants: ["acme"],
        entries: [[row, () => new Promise<string[]>(() => undefined)]],
        signal: stop.signal,
      }),
      cache.warm({ tenants: ["acme"], entries: [[row, silent]], signal: stop.signal }),
      cache.warm({ tenants: silent(), entries: [[row, () => ["a"]]], signal: stop.signal }),
    ];
    await soon();
    stop.abort();
    expect((await Promise.all([promise, source, list])).map(({ isAborted }) => isAborted)).toEqual([true, true, true]);
    const { signal } = stop;
    expect(await cache.warm({ tenants: ["acme"], entries: [[row, () => ["a"]]], signal })).toMatchObject({ loaded: 0 });
  });

  it("repeats after a resume only entries that came after the first unfinished one", async () => {
    const cache = createCache();
    const stop = new AbortController();
    const slow = gate();
    const { row, loads } = tableOf(cache, {
      async work(tenantId, id) {
        if (tenantId === "t2" && id === "second") await slow.opened;
        if (tenantId === "t9") stop.abort();
      },
    });
    const entries = [
      [row, () => ["first"]],
      [row, () => ["second"]],
      [row, () => ["third"]],
    ] as const;
    const run = cache.warm({
      tenants: named(12),
      entries,
      concurrency: 2,
      perTenantConcurrency: 1,
      signal: stop.signal,
    });
    await expect.poll(() => stop.signal.aborted).toBe(true);
    // The first entry of t2 and all entries before it are finished. t3 to t8 are finished too, but come after it.
    const { resume } = run.report();
    slow.open();
    await run;
    loads.length = 0;
    await cache.tenant("t2").clear();
    await cache.tenant("t3").clear();
    await cache.warm({ tenants: named(12), entries, concurrency: 1, resume: resume! });
    expect(loads.slice(0, 5)).toEqual(["t2/second", "t2/third", "t3/first", "t3/second", "t3/third"]);
    await expect(cache.warm({ tenants: named(2, "other"), entries, resume: resume! })).rejects.toThrow(InputError);
    for (const wrong of ["", "[]", '["warm1",1,1]']) {
      expect(() => cache.warm({ tenants: [], entries, resume: wrong })).toThrow(InputError);
    }
  });

  it("bounds how many tenants overtake one that is stuck", async () => {
    const cache = createCache();
    const slow = gate();
    const { row, loads } = tableOf(cache, { work: (tenantId) => (tenantId === "t0" ? slow.opened : soon()) });
    const run = cache.warm({ tenants: named(3000), entries: [[row, () => ["a"]]] });
    await expect.poll(() => loads.length, { timeout: 5000 }).toBe(1000);
    await soon();
    expect(run.report()).toMatchObject({ done: 999, resume: undefined });
    slow.open();
    expect(await run).toMatchObject({ done: 3000, loaded: 3000 });
  });

  it("yields its progress at the pace of the reader", async () => {
    const cache = createCache();
    const { row } = tableOf(cache, { work: () => new Promise((resolve) => setTimeout(resolve, 100)) });
    const options = { entries: [[row, () => ["a"]]] as const, concurrency: 1 };
    const seen = [];
    for await (const progress of cache.warm({ ...options, tenants: named(4) })) seen.push(progress);
    const last = seen.at(-1);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen[0]).toMatchObject({ total: 4, failed: 0, resume: expect.any(String) });
    expect(seen[0]!.etaMs).toBeGreaterThan(50);
    expect(seen[0]!.etaMs).toBeLessThan(1000);
    expect(last).toMatchObject({ done: 4, total: 4, loaded: 4, etaMs: 0, resume: undefined });
    expect(last!.perSecond).toBeGreaterThan(3);
    expect(last!.perSecond).toBeLessThan(11);
    const unread = cache.warm({ ...options, tenants: named(4)[Symbol.iterator]() });
    const first = unread[Symbol.asyncIterator]().next();
    expect(await unread).toMatchObject({ done: 4, fresh: 4 });
    expect((await first).value).toMatchObject({ done: 4, total: undefined, etaMs: undefined });
  });

  it("rejects with the error of the iterable of tenants, after the running loads", async () => {
    const cache = createCache();
    const { row } = tableOf(cache);
    function* broken() {
      yield "acme";
      throw new Error("no tenants");
    }
    const run = cache.warm({ tenants: broken(), entries: [[row, () => ["a"]]] });
    await expect(run).rejects.toThrow("no tenants");
    expect(run.report()).toMatchObject({ loaded: 1 });
    const seen = async () => {
      for await (const _ of cache.warm({ tenants: broken(), entries: [[row, () => ["a"]]] }));
    };
    await expect(seen()).rejects.toThrow("no tenants");
  });

  it("reloads stale values, and waits for them", async () => {
    const clock = createManualClock();
    const cache = createCache({ clock });
    let loads = 0;
    let isBroken = false;
    const row = cache.define<string, number>({
      name: "row",
      key: (id) => id,
      ttl: "1s",
      freshness: { staleWhileRevalidate: "1h", grace: "1h" },
      async load() {
        await soon();
        if (isBroken) throw new Error("no");
        return ++loads;
      },
    });
    const options = { tenants: ["acme"], entries: [[row, () => ["a"]]] as const };
    await cache.warm(options);
    clock.advance(2000);
    expect(await cache.warm(options)).toMatchObject({ loaded: 1, fresh: 0 });
    expect(cache.tenant("acme").peek(row, "a")).toBe(2);
    clock.advance(2000);
    isBroken = true;
    expect(await cache.warm(options)).toMatchObject({ loaded: 0, failed: 1 });
  });

  it("stores no value that is invalidated while it loads, and counts it as loaded", async () => {
    const cache = createCache();
    const slow = gate();
    const { row, loads } = tableOf(cache, { work: () => slow.opened });
    const tenants = ["key", "all", "kept"];
    const run = cache.warm({ tenants, entries: [[row, () => ["a"]]] });
    await expect.poll(() => loads.length).toBe(3);
    await cache.tenant("key").invalidate(row, "a");
    await cache.tenant("all").clear();
    slow.open();
    expect(await run).toMatchObject({ loaded: 3, failed: 0 });
    expect(tenants.map((id) => cache.tenant(id).peek(row, "a"))).toEqual([undefined, undefined, "a of kept"]);
  });

  it("does not count warming as a use", async () => {
    const cache = createCache({ memory: { maxBytes: 200_000 } });
    const { row } = tableOf(cache);
    const options = { tenants: ["acme"], entries: [[row, () => named(50)]] as const };
    for (let i = 0; i < 3; i++) await cache.warm(options);
    const busy = cache.tenant("busy");
    for (const id of named(600)) await busy.get(row, id);
    expect(cache.stats().memory.evictions.cold).toBe(50);
  });

  it.each([
    { entries: [] },
    { tenants: "acme" },
    { entries: [["row", () => []]] },
    { concurrency: 0 },
    { maxLoadsPerSecond: 0 },
    { memory: "hot" },
    { memory: "skip" },
    { rate: 5 },
  ])("refuses the options %o", (options) => {
    const cache = createCache();
    const { row } = tableOf(cache);
    const base = { tenants: ["acme"], entries: [[row, () => ["a"]]] };
    expect(() => cache.warm({ ...base, ...options } as never)).toThrow(ConfigError);
  });

  it("accepts only params of the definition beside the source", () => {
    const cache = createCache();
    const byId = cache.define({ name: "a", key: (p: { id: string }) => p.id, ttl: 1000, load: () => 1 });
    const byNumber = cache.define({ name: "b", key: (n: number) => n, ttl: 1000, load: () => "x" });
    const run = cache.warm({
      tenants: [],
      entries: [
        [byId, () => [{ id: "a" }]],
        [byNumber, async () => [1]],
      ],
    });
    expectTypeOf(run.report().loaded).toBeNumber();
    // @ts-expect-error -- a number is not `{ id }`
    void cache.warm({ tenants: [], entries: [[byId, () => [1]]] });
    // @ts-expect-error -- the sources are swapped
    void cache.warm({ tenants: [], entries: [[byId, () => [{ id: "a" }]] as const, [byNumber, () => ["1"]] as const] });
  });
});
