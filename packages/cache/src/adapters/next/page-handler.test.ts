import { createManualClock } from "@scale/core/testing";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { NextCaller } from "../../../test/next.js";
import { type FaultProxy, type Node, startFaultProxy, startNode, untilServed } from "../../../scenarios/node.js";
import { createCache } from "../../index.js";
import { nextCacheHandler, nextUseCacheHandler, type NextValue } from "./index.js";

const url = inject("redisUrl");
let next = 0;

const page = (tags = "_N_T_/layout,_N_T_/a,posts"): NextValue & Record<string, unknown> => ({
  kind: "APP_PAGE",
  html: "<html>é</html>",
  rscData: Buffer.from([0, 1, 254, 255]),
  status: undefined,
  postponed: undefined,
  headers: { "x-next-cache-tags": tags, "set-cookie": ["a=1", "b=2"], vary: undefined },
  segmentData: new Map([
    ["/_tree", Buffer.from("tree")],
    ["/$", Buffer.from([])],
  ]),
});
const route = {
  kind: "APP_ROUTE",
  body: Buffer.from([255, 0, 128]),
  status: 200,
  headers: { "content-type": "image/png" },
};
const fetched = (body: string): NextValue & Record<string, unknown> => ({
  kind: "FETCH",
  data: { headers: { "content-type": "text/plain" }, body, url: "http://api/x", status: 200 },
  revalidate: 31_536_000,
});
const forYears = { revalidate: false, expire: undefined } as const;

function startOne(cache = createCache()) {
  const clock = createManualClock(2_000_000_000_000);
  const Handler = nextCacheHandler({ tenant: cache.shared, clock });
  return { clock, Handler, next: () => new NextCaller(Handler, () => clock.now()) };
}

describe("nextCacheHandler", () => {
  it.each([
    ["a page", page()],
    ["a route", route],
    ["a redirect", { kind: "REDIRECT", props: { destination: "/b", n: -0 } }],
    [
      "a page of the pages router",
      { kind: "PAGES", html: "", pageData: { a: [null] }, headers: undefined, status: 404 },
    ],
    ["an image", { kind: "IMAGE", etag: "e", upstreamEtag: "u", buffer: Buffer.from([1]), extension: "webp" }],
    ["null for a page that does not exist", null],
  ])("returns %s unchanged", async (_what, value) => {
    const { Handler, clock } = startOne();
    await new Handler().set("/a", value, { cacheControl: { revalidate: 60, expire: 3600 } });
    expect(await new Handler().get("/a", { kind: "APP_PAGE" })).toStrictEqual({
      ...{ lastModified: clock.now(), value, cacheControl: { revalidate: 60, expire: 3600 } },
    });
  });

  it("returns a copy to every reader, because Next removes headers from it", async () => {
    const { next, Handler } = startOne();
    await next().setPage("/a", page(), forYears);
    await next().page("/a");
    expect((await new Handler().get("/a", { kind: "APP_PAGE" }))?.value).toStrictEqual(page());
    await next().revalidateTag("posts");
    expect(await next().page("/a")).toBeNull();
  });

  it("keeps a page until its expire time, and returns its age", async () => {
    const clock = createManualClock(2_000_000_000_000);
    const Handler = nextCacheHandler({ tenant: createCache({ clock }).shared, clock, keep: "2h" });
    const caller = new NextCaller(Handler, () => clock.now());
    await caller.setPage("/a", page(), { revalidate: 60, expire: 3600 });
    await caller.setPage("/for-ever", page(), forYears);
    expect(await caller.page("/a")).toMatchObject({ isStale: false });
    clock.advance(60_001);
    expect(await caller.page("/a")).toMatchObject({ isStale: true });
    clock.advance(3_600_000);
    expect(await caller.page("/a")).toBeNull();
    expect(await caller.page("/for-ever")).toMatchObject({ isStale: false });
    clock.advance(3_600_000);
    expect(await caller.page("/for-ever")).toBeNull();
  });

  it("keeps a fetch and a page with the same key apart", async () => {
    const { next } = startOne();
    await next().setFetch("k", fetched("1"));
    expect(await next().page("k")).toBeNull();
    await next().setPage("k", page(), forYears);
    expect(await next().fetch("k")).toStrictEqual(fetched("1"));
    await next().setFetch("k", null);
    expect(await next().fetch("k")).toBeNull();
  });

  it("refuses unknown options", () => {
    const tenant = createCache().shared;
    expect(() => nextCacheHandler({ tenant, build: "1" } as never)).toThrow("build");
    expect(() => nextCacheHandler({ tenant: createCache() as never })).toThrow("expected cache.shared");
    expect(() => nextUseCacheHandler({ tenant, keep: 0 })).toThrow("keep: expected a duration");
  });

  it("keeps pages of builds apart, and shares fetches between them", async () => {
    const tenant = createCache().shared;
    const [one, two] = ["1", "2"].map((buildId) => new NextCaller(nextCacheHandler({ tenant, buildId }), () => 0));
    await one!.setPage("/a", page(), forYears);
    await one!.setFetch("k", fetched("1"));
    expect(await two!.page("/a")).toBeNull();
    expect(await two!.fetch("k")).toStrictEqual(fetched("1"));
    await two!.revalidateTag("posts");
    expect(await one!.page("/a")).toBeNull();
  });

  it("invalidates entries with the tag at once, also fetches that are read with it", async () => {
    const { next } = startOne();
    await next().setFetch("tagged", fetched("1"), ["posts"]);
    await next().setFetch("other", fetched("2"), ["authors", ""]);
    await next().setPage("/a", page(), forYears);
    await next().revalidateTag([]);
    await next().revalidateTag(["posts", "nothing"], { expire: 300 });
    expect([await next().fetch("tagged"), await next().page("/a")]).toEqual([null, null]);
    expect(await next().fetch("other", [], ["authors"])).toStrictEqual(fetched("2"));
    await next().setFetch("tagged", fetched("3"), ["posts"]);
    expect(await next().fetch("tagged")).toStrictEqual(fetched("3"));
  });

  it("invalidates, for a path, the fetches of its pages, although they are stored without that tag", async () => {
    const clock = createManualClock(2_000_000_000_000);
    const { next } = startOne(createCache({ clock }));
    const [a, b] = [
      ["_N_T_/layout", "_N_T_/a"],
      ["_N_T_/layout", "_N_T_/b"],
    ] as const;
    await next().setFetch("k", fetched("1"), ["posts"]);
    clock.advance(1000);
    expect([await next().fetch("k", a), await next().fetch("k", b)]).toStrictEqual([fetched("1"), fetched("1")]);
    await next().revalidateTag("_N_T_/a");
    expect([await next().fetch("k", a), await next().fetch("k", b)]).toStrictEqual([null, fetched("1")]);
    // Within the tolerance, so the entry counts as overtaken.
    await next().setFetch("k", fetched("2"));
    expect(await next().fetch("k", a)).toBeNull();
    clock.advance(11);
    await next().setFetch("k", fetched("3"));
    clock.advance(86_400_000);
    expect(await next().fetch("k", a)).toStrictEqual(fetched("3"));
  });
});

describe.skipIf(!url)("nextCacheHandler with Redis", () => {
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startFaultProxy(url);
  });
  afterAll(() => proxy.close());
  const callerOf = ({ cache }: Node) => new NextCaller(nextCacheHandler({ tenant: cache.shared }), () => 0);

  it("shares pages and revalidations between processes", async () => {
    const options = { prefix: `next:${process.pid}:${next++}` };
    const nodes = [startNode(url, options), startNode(url, options)] as const;
    await untilServed(...nodes);
    const [one, two] = [callerOf(nodes[0]), callerOf(nodes[1])];
    await one.setPage("/a", page(), forYears);
    await one.setFetch("k", fetched("1"));
    const shared = await two.page("/a");
    expect(shared?.value).toMatchObject({ html: "<html>é</html>", rscData: Buffer.from([0, 1, 254, 255]) });
    expect(await two.fetch("k", ["_N_T_/a"])).toStrictEqual(fetched("1"));
    await two.revalidateTag(["posts", "_N_T_/a"]);
    expect([await two.page("/a"), await two.fetch("k", ["_N_T_/a"])]).toEqual([null, null]);
    await expect.poll(() => one.page("/a")).toBeNull();
    await expect.poll(() => one.fetch("k", ["_N_T_/a"])).toBeNull();
    expect(await one.fetch("k", ["_N_T_/b"])).toStrictEqual(fetched("1"));
    for (const node of nodes) node.close();
  });

  it("misses within the deadline while Redis stalls, and keeps revalidations of that time", async () => {
    const prefix = `next:${process.pid}:${next++}`;
    const node = startNode(proxy.url, { prefix, timeoutMs: 80 });
    const other = startNode(url, { prefix });
    await untilServed(node, other);
    const [mine, theirs] = [callerOf(node), callerOf(other)];
    await mine.setPage("/a", page(), forYears);
    await mine.setFetch("k", fetched("1"));
    proxy.stall();
    const startedAt = performance.now();
    expect([await mine.page("/none"), await mine.fetch("none", ["_N_T_/a"])]).toEqual([null, null]);
    await mine.setPage("/b", page(), forYears);
    await mine.revalidateTag(["_N_T_/a"]);
    expect([await mine.page("/a"), await mine.fetch("k", ["_N_T_/a"])]).toEqual([null, null]);
    expect(performance.now() - startedAt).toBeLessThan(80 + 400);
    proxy.unstall();
    await expect.poll(() => node.cache.health().queuedInvalidations, { timeout: 5000 }).toBe(0);
    expect([await mine.page("/a"), await mine.fetch("k", ["_N_T_/a"])]).toEqual([null, null]);
    await expect.poll(() => theirs.fetch("k", ["_N_T_/a"])).toBeNull();
    node.close();
    other.close();
  });
});
