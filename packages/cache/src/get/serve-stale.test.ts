import { createManualClock, type ManualClock } from "@scale/core/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { type Cache, createCache, type DefinitionOptions, loadFail, staleServe, type TenantCache } from "../index.js";

const MINUTE_MS = 60_000;

let clock: ManualClock;
let cache: Cache;
let acme: TenantCache;
let random: number;
beforeEach(() => {
  clock = createManualClock();
  random = 0;
  cache = createCache({ clock, random: () => random });
  acme = cache.tenant("acme");
});

/** Defines a value that loads 1, 2, 3 … by default. */
function counted(options: Partial<DefinitionOptions<string, number>> = {}) {
  const state = { loads: 0, next: (): number | Promise<number> => state.loads };
  const row = cache.define<string, number>({
    ...{ name: "row", key: (id) => id, ttl: "1m" },
    load() {
      state.loads++;
      return state.next();
    },
    ...options,
  });
  return { row, state };
}

describe("staleWhileRevalidate", () => {
  it("serves the stale value at once, and loads a new one for the next reader", async () => {
    const { row, state } = counted({ freshness: { staleWhileRevalidate: "30s" } });
    const seen: unknown[] = [];
    const stop = staleServe.subscribe(({ reason, ageMs }) => seen.push({ reason, ageMs }));
    await acme.get(row, "a");
    clock.advance(MINUTE_MS + 1);
    const slow = gate<number>();
    state.next = () => slow.opened;
    expect(await acme.getWithInfo(row, "a")).toMatchObject({ value: 1, isStale: true, source: "memory" });
    expect(await acme.get(row, "a")).toBe(1);
    slow.open(2);
    await expect.poll(() => acme.peek(row, "a")).toBe(2);
    expect([state.loads, seen]).toEqual([2, [{ reason: "refreshing", ageMs: MINUTE_MS + 1 }]]);
    stop();
  });

  it("waits for the load when the value is too old", async () => {
    const { row } = counted({ freshness: { staleWhileRevalidate: "30s" } });
    await acme.get(row, "a");
    clock.advance(MINUTE_MS + 30_000);
    expect(await acme.get(row, "a")).toBe(2);
  });

  it("backs off after a failed load", async () => {
    const { row, state } = counted({ freshness: { staleWhileRevalidate: "30s" } });
    await acme.get(row, "a");
    clock.advance(MINUTE_MS);
    state.next = () => Promise.reject(new Error("down"));
    const failed: unknown[] = [];
    const stop = loadFail.subscribe(({ error }) => failed.push(error));
    for (let i = 0; i < 5; i++) {
      expect(await acme.get(row, "a")).toBe(1);
      await new Promise(setImmediate);
    }
    expect([state.loads, failed.length]).toEqual([2, 1]);
    // The value stays as old as it is.
    expect(await acme.getWithInfo(row, "a")).toMatchObject({
      value: 1,
      source: "memory",
      ageMs: MINUTE_MS,
      isStale: true,
    });
    expect(acme.peek(row, "a")).toBeUndefined();
    expect(await acme.getIfPresent(row, "a")).toBeUndefined();
    clock.advance(1000);
    await acme.get(row, "a");
    expect(state.loads).toBe(3);
    stop();
  });
});

describe("grace", () => {
  it("serves the stale value when loading fails, until grace ends", async () => {
    const { row, state } = counted({ freshness: { grace: "1h" } });
    await acme.get(row, "a");
    state.next = () => Promise.reject(new Error("down"));
    clock.advance(MINUTE_MS);
    expect(await acme.getWithInfo(row, "a")).toMatchObject({ value: 1, isStale: true });
    // Repeated failures do not extend the grace.
    for (let i = 0; i < 59; i++) {
      clock.advance(MINUTE_MS);
      expect(await acme.get(row, "a")).toBe(1);
    }
    clock.advance(MINUTE_MS);
    await expect(acme.get(row, "a")).rejects.toThrow("down");
  });

  it("serves the stale value when loading is slow, and keeps the late value", async () => {
    const { row, state } = counted({ freshness: { grace: "1h", softTimeout: 20 } });
    await acme.get(row, "a");
    clock.advance(MINUTE_MS);
    const slow = gate<number>();
    state.next = () => slow.opened;
    expect(await acme.get(row, "a")).toBe(1);
    slow.open(2);
    await expect.poll(() => acme.peek(row, "a")).toBe(2);
  });

  it("never serves an invalidated value", async () => {
    const { row, state } = counted({ freshness: { grace: "1h" } });
    await acme.get(row, "a");
    await acme.invalidate(row, "a");
    state.next = () => Promise.reject(new Error("down"));
    await expect(acme.get(row, "a")).rejects.toThrow("down");
  });
});

describe("hardTimeout", () => {
  it("rejects with SCALE_TIMEOUT and aborts the signal", async () => {
    let signal: AbortSignal | undefined;
    const { row } = counted({
      freshness: { hardTimeout: 20 },
      load: (_id, context) => {
        signal = context.signal;
        return new Promise(() => undefined);
      },
    });
    await expect(acme.get(row, "a")).rejects.toMatchObject({ code: "SCALE_TIMEOUT", timeoutMs: 20 });
    expect(signal?.aborted).toBe(true);
  });
});

describe("the lifetime of a value", () => {
  it("is negativeTtl for null and undefined, which are cached like other values", async () => {
    let loads = 0;
    const row = cache.define({
      ...{ name: "row", key: (id: string) => id, ttl: "1m", freshness: { negativeTtl: "5s" } },
      load: (id): string | null | undefined => {
        loads++;
        return id === "null" ? null : undefined;
      },
    });
    for (const id of ["null", "undefined"]) {
      const first = await acme.get(row, id);
      clock.advance(4999);
      expect(await acme.get(row, id)).toBe(first);
      expect(loads).toBe(1);
      clock.advance(1);
      await acme.get(row, id);
      expect(loads).toBe(2);
      loads = 0;
    }
  });

  it("has no grace for null", async () => {
    const { row, state } = counted({
      freshness: { grace: "1h" },
      load: () => (state.loads++ === 0 ? null : Promise.reject(new Error("down"))) as never,
    });
    await acme.get(row, "a");
    clock.advance(MINUTE_MS);
    await expect(acme.get(row, "a")).rejects.toThrow("down");
  });

  it("is shortened by up to the jitter", async () => {
    const { row } = counted({ freshness: { jitter: 0.5 } });
    random = 0.5;
    await acme.get(row, "a");
    clock.advance(MINUTE_MS * 0.75 - 1);
    expect(acme.peek(row, "a")).toBe(1);
    clock.advance(1);
    expect(acme.peek(row, "a")).toBeUndefined();
  });

  it("is set by the loader for one value, and renewed by notModified", async () => {
    const seen: unknown[] = [];
    const { row } = counted({
      freshness: { staleWhileRevalidate: "1m" },
      load(_id, { old, notModified, ttl }) {
        seen.push(old);
        if (old !== undefined) return notModified();
        ttl("10s");
        return 7;
      },
    });
    await acme.get(row, "a");
    clock.advance(10_000);
    expect(await acme.get(row, "a")).toBe(7);
    await expect.poll(() => acme.peek(row, "a")).toBe(7);
    expect(seen).toEqual([undefined, { value: 7, ageMs: 10_000 }]);
  });

  it("is renewed before its end by earlyRefresh, while readers do not wait", async () => {
    const { row, state } = counted({ freshness: { earlyRefresh: 1 } });
    state.next = () => {
      if (state.loads === 1) clock.advance(1000);
      return state.loads;
    };
    await acme.get(row, "a");
    random = 0.99;
    clock.advance(50_000);
    expect([await acme.get(row, "a"), state.loads]).toEqual([1, 1]);
    clock.advance(6000);
    expect(await acme.get(row, "a")).toBe(1);
    await expect.poll(() => acme.peek(row, "a")).toBe(2);
    expect(state.loads).toBe(2);
  });
});
