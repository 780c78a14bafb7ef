import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFeed, type Feed } from "./feed.js";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

function feedOf(read: () => Promise<string>, maxViewers = 10) {
  const active: boolean[] = [];
  const errors: unknown[] = [];
  const feed = createFeed({
    ...{ read, maxViewers, everyMs: 1_000 },
    onError: (error) => void errors.push(error),
    onActive: (isActive) => void active.push(isActive),
  });
  return { feed, active, errors };
}

/** Reads the next message of a viewer. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}

function readerOf(feed: Feed): ReadableStreamDefaultReader<Uint8Array> {
  const stream = feed.open();
  if (stream === undefined) throw new Error("too many viewers");
  return stream.getReader();
}

describe("createFeed", () => {
  it("reads once a period for all viewers, and not at all without one", async () => {
    let reads = 0;
    const { feed, active } = feedOf(async () => String(++reads));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(reads).toBe(0);
    const readers = [readerOf(feed), readerOf(feed), readerOf(feed)];
    for (const reader of readers) expect(await next(reader)).toBe("retry: 2000\n\n");
    for (const reader of readers) expect(await next(reader)).toBe("data: 1\n\n");
    await vi.advanceTimersByTimeAsync(1_000);
    for (const reader of readers) expect(await next(reader)).toBe("data: 2\n\n");
    for (const reader of readers) await reader.cancel();
    await vi.advanceTimersByTimeAsync(5_000);
    expect([reads, feed.viewers, active]).toEqual([2, 0, [true, false]]);
  });

  it("sends a message at once on request, and the next one a period later", async () => {
    let reads = 0;
    const { feed } = feedOf(async () => String(++reads));
    feed.refresh();
    await vi.advanceTimersByTimeAsync(0);
    expect(reads).toBe(0);
    const reader = readerOf(feed);
    await vi.advanceTimersByTimeAsync(400);
    feed.refresh();
    await vi.advanceTimersByTimeAsync(999);
    expect(reads).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(reads).toBe(3);
    await reader.cancel();
  });

  it("keeps nothing for a viewer that does not read", async () => {
    let reads = 0;
    const { feed } = feedOf(async () => String(++reads));
    const slow = readerOf(feed);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reads).toBeGreaterThan(50);
    const got: string[] = [];
    for (let n = 0; n < 3; n++) got.push(await next(slow));
    expect(got).toEqual(["retry: 2000\n\n", "data: 1\n\n", "data: 2\n\n"]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await next(slow)).toBe(`data: ${reads}\n\n`);
    feed.close();
  });

  it("tells viewers of a read that failed, reports it, and goes on", async () => {
    let isDown = true;
    const { feed, errors } = feedOf(async () => {
      if (isDown) throw new Error("down");
      return "up";
    });
    const reader = readerOf(feed);
    await next(reader);
    expect(await next(reader)).toBe("event: unavailable\ndata:\n\n");
    isDown = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await next(reader)).toBe("data: up\n\n");
    expect(errors).toHaveLength(1);
    feed.close();
    expect((await reader.read()).done).toBe(true);
  });

  it("refuses one viewer too many, and all after its end", () => {
    const { feed } = feedOf(async () => "", 1);
    feed.open();
    expect(feed.open()).toBeUndefined();
    feed.close();
    expect(feed.open()).toBeUndefined();
  });
});
