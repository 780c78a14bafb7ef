import { createManualClock, type ManualClock } from "@scale/core/testing";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type FaultProxy, gate, startFaultProxy, startNode, untilServed } from "../../../scenarios/node.js";
import { createCache, loadFail } from "../../index.js";
import { type NextUseCacheEntry, nextUseCacheHandler } from "./index.js";

const url = inject("redisUrl");
let next = 0;

const streamOf = (...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
const meta = { tags: ["posts"], stale: 300, expire: 4_294_967_294, revalidate: 900 };

/** Builds an entry as `saveToCacheHandler` does in next/dist/server/use-cache/use-cache-wrapper.js. */
const entryOf = (text: string, clock: ManualClock, more: Partial<NextUseCacheEntry> = {}): Promise<NextUseCacheEntry> =>
  Promise.resolve({
    ...{ ...meta, timestamp: clock.now(), value: streamOf(Buffer.from(text.slice(0, 1)), Buffer.from(text.slice(1))) },
    ...more,
  });

const textOf = async (entry: NextUseCacheEntry | undefined): Promise<string | undefined> =>
  entry === undefined ? undefined : new Response(entry.value).text();

function startOne() {
  const clock = createManualClock(2_000_000_000_000);
  return { clock, handler: nextUseCacheHandler({ tenant: createCache({ clock }).shared, clock }) };
}

describe("nextUseCacheHandler", () => {
  it("returns the bytes and the metadata to each reader", async () => {
    const { clock, handler } = startOne();
    const timestamp = clock.now();
    await handler.set("k", entryOf("é and more", clock));
    clock.advance(5000);
    const [first, second] = [await handler.get("k", []), await handler.get("k", ["_N_T_/a"])];
    expect(first).toEqual({ ...meta, timestamp, value: expect.any(ReadableStream) });
    expect([await textOf(first), await textOf(second)]).toEqual(["é and more", "é and more"]);
    expect(await handler.get("other", [])).toBeUndefined();
    expect([await handler.refreshTags(), await handler.getExpiration(["posts"])]).toEqual([
      undefined,
      Number.POSITIVE_INFINITY,
    ]);
  });

  it("makes a reader wait for an entry that is being rendered", async () => {
    const { clock, handler } = startOne();
    const made = gate<NextUseCacheEntry>();
    const saving = handler.set("k", made.opened);
    const reading = handler.get("k", []);
    made.open(await entryOf("late", clock));
    expect(await textOf(await reading)).toBe("late");
    await saving;
  });

  it("stores no incomplete stream, no rejected promise, and no entry that expires at once", async () => {
    const { clock, handler } = startOne();
    const errors: unknown[] = [];
    const stop = loadFail.subscribe(({ error }) => errors.push(error));
    const broken = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from("half"));
        controller.error(new Error("broke off"));
      },
    });
    await handler.set("broken", entryOf("", clock, { value: broken }));
    await handler.set("rejected", Promise.reject(new Error("no entry")));
    await handler.set("once", entryOf("dynamic", clock, { expire: 0 }));
    stop();
    expect(errors.map(String)).toEqual(["Error: broke off", "Error: no entry"]);
    expect(await Promise.all(["broken", "rejected", "once"].map((key) => handler.get(key, [])))).toEqual([
      ...[undefined, undefined, undefined],
    ]);
  });

  it("invalidates entries with the tag or read with it, and keeps entries that are rendered later", async () => {
    const { clock, handler } = startOne();
    await handler.set("k", entryOf("1", clock));
    await handler.set("soft", entryOf("1", clock, { tags: [] }));
    clock.advance(1000);
    await handler.updateTags(["posts", "_N_T_/a"]);
    expect([await handler.get("k", []), await handler.get("soft", ["_N_T_/a"])]).toEqual([undefined, undefined]);
    expect(await textOf(await handler.get("soft", ["_N_T_/b"]))).toBe("1");
    clock.advance(1000);
    await handler.set("k", entryOf("2", clock));
    expect(await textOf(await handler.get("k", ["_N_T_/a"]))).toBe("2");
  });

  it("neither stores nor serves an entry whose rendering began before the revalidation of its tag or path", async () => {
    const { clock, handler } = startOne();
    const begun = await entryOf("old", clock);
    const beside = await entryOf("old", clock, { tags: [] });
    clock.advance(1000);
    await handler.updateTags(["posts", "_N_T_/a"]);
    clock.advance(1000);
    await handler.set("k", Promise.resolve(begun));
    await handler.set("soft", Promise.resolve(beside));
    expect([await handler.get("k", []), await handler.get("soft", ["_N_T_/a"])]).toEqual([undefined, undefined]);
  });

  it("expires an entry at its expire time", async () => {
    const { clock, handler } = startOne();
    await handler.set("k", entryOf("1", clock, { expire: 60 }));
    clock.advance(59_999);
    expect(await textOf(await handler.get("k", []))).toBe("1");
    clock.advance(1);
    expect(await handler.get("k", [])).toBeUndefined();
  });
});

describe.skipIf(!url)("nextUseCacheHandler with Redis", () => {
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startFaultProxy(url);
  });
  afterAll(() => proxy.close());

  it("shares entries and revalidations, and misses while Redis stalls", async () => {
    const prefix = `use-cache:${process.pid}:${next++}`;
    const [one, two] = [startNode(proxy.url, { prefix, timeoutMs: 80 }), startNode(url, { prefix })];
    await untilServed(one, two);
    const [mine, theirs] = [one, two].map(({ cache }) => nextUseCacheHandler({ tenant: cache.shared }));
    const clock = createManualClock(2_000_000_000_000);
    const now = () => entryOf("1", clock, { timestamp: performance.timeOrigin + performance.now() });
    await mine!.set("k", now());
    expect(await textOf(await theirs!.get("k", []))).toBe("1");
    proxy.stall();
    expect(await mine!.get("other", ["_N_T_/a"])).toBeUndefined();
    await mine!.set("late", now());
    await mine!.updateTags(["posts"]);
    expect(await mine!.get("k", [])).toBeUndefined();
    proxy.unstall();
    await expect.poll(() => theirs!.get("k", []), { timeout: 5000 }).toBeUndefined();
    one.close();
    two.close();
  });
});
