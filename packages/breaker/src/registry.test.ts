import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { type BreakersOptions, createBreakers } from "./registry.js";
import { errorOf, failCalls, failure } from "./testing/context.js";
import { tripWithhold } from "./events.js";

const clock = createManualClock();
const create = (options: Partial<BreakersOptions> = {}) =>
  createBreakers({
    ...{ name: "hosts", clock, minimumCalls: 2, rampMs: 0, open: { baseMs: 1000, jitter: 0 } },
    halfOpen: { permits: 1, successRate: 1 },
    ...options,
  });

describe("createBreakers", () => {
  it("keeps a breaker for each key", async () => {
    const breakers = create();
    await failCalls(breakers.get("a"), 2);
    expect([breakers.get("a").state, breakers.get("b").state]).toEqual(["open", "closed"]);
    expect(await errorOf(breakers.run(() => 1, { key: "a" }))).toMatchObject({ code: "SCALE_OPEN", key: "a" });
    expect(await breakers.run(({ key }) => key, { key: "b" })).toBe("b");
    expect([breakers.size, breakers.openCount]).toEqual([2, 1]);
    expect(breakers.peek("c")).toBeUndefined();
  });

  it("rejects a call without a key", async () => {
    expect(await errorOf(create().run(() => 1))).toMatchObject({
      message: expect.stringContaining("expected a string"),
    });
  });

  it("keeps an open breaker open however many other keys come", async () => {
    const breakers = create({ maxKeys: 100 });
    for (let i = 0; i < 50; i++) await failCalls(breakers.get(`down-${i}`), 2);
    for (let i = 0; i < 50_000; i++) breakers.get(`key-${i}`);
    for (let i = 0; i < 50; i++) expect(breakers.get(`down-${i}`).state).toBe("open");
    expect(breakers.size).toBeLessThanOrEqual(200);
    expect(breakers.openCount).toBe(50);
  });

  it("stays bounded when every key fails, and counts the keys without a place together", async () => {
    const breakers = create({ maxKeys: 10 });
    for (let i = 0; i < 30; i++) await failCalls(breakers.get(`down-${i}`), 2);
    expect(breakers.size).toBeLessThanOrEqual(21);
    expect(breakers.get("new-1")).toBe(breakers.get("new-2"));
    expect(breakers.get("new-1")).toMatchObject({ key: "*", state: "open" });
    for (let i = 0; i < 20; i++) expect(breakers.get(`down-${i}`).state).toBe("open");
  });

  it("gives up an open breaker that recovered, or that no call used for long", async () => {
    const breakers = create({ maxKeys: 1, staleAfterMs: 60_000 });
    await failCalls(breakers.get("a"), 2);
    await failCalls(breakers.get("b"), 2);
    expect(breakers.get("c").key).toBe("*");
    clock.advance(1000);
    await breakers.run(() => 1, { key: "a" });
    expect(breakers.get("c").key).toBe("c");
    await failCalls(breakers.get("c"), 2);
    expect(breakers.get("d").key).toBe("*");
    clock.advance(60_000);
    expect(breakers.get("d").key).toBe("d");
  });

  it("never evicts a breaker that was set by hand", () => {
    const breakers = create({ maxKeys: 2, staleAfterMs: 1000 });
    breakers.get("a").setMode("forced-open");
    for (let i = 0; i < 10; i++) {
      breakers.get(`key-${i}`);
      clock.advance(5000);
    }
    expect(breakers.get("a").mode).toBe("forced-open");
  });

  it("evicts a breaker whose mode comes from its options", () => {
    const breakers = create({ maxKeys: 2, overrides: () => ({ mode: "metrics-only" }) });
    for (let i = 0; i < 100; i++) expect(breakers.get(`key-${i}`).key).toBe(`key-${i}`);
    expect(breakers.size).toBe(2);
  });

  it("opens at most the configured fraction, and publishes the rest", async () => {
    const breakers = create({ maxOpenFraction: 0.5 });
    const withheld: unknown[] = [];
    const unsubscribe = tripWithhold.subscribe(({ key, reason }) => void withheld.push([key, reason]));
    const keys = ["a", "b", "c", "d"];
    for (const key of keys) breakers.get(key);
    for (const key of keys) await failCalls(breakers.get(key), 2);
    unsubscribe();
    expect(keys.map((key) => breakers.get(key).state)).toEqual(["open", "open", "closed", "closed"]);
    expect(withheld).toEqual([
      ["c", "max-open-fraction"],
      ["d", "max-open-fraction"],
    ]);
    clock.advance(1000);
    await breakers.run(() => 1, { key: "a" });
    await failCalls(breakers.get("c"), 2);
    expect(breakers.get("c").state).toBe("open");
  });

  it("does not count a breaker that opens after it was evicted", async () => {
    const breakers = create({ maxKeys: 1 });
    const evicted = breakers.get("a");
    breakers.get("b");
    await failCalls(evicted, 2);
    expect(evicted.state).toBe("open");
    expect(breakers.openCount).toBe(0);
  });

  it("uses the overrides of a key, and names wrong ones", async () => {
    const breakers = create({ overrides: (key) => (key === "weak" ? { minimumCalls: 1 } : undefined) });
    await failCalls(breakers.get("weak"), 1);
    await failCalls(breakers.get("other"), 1);
    expect([breakers.get("weak").state, breakers.get("other").state]).toEqual(["open", "closed"]);
    const wrong = create({ overrides: () => ({ minimumCalls: 0 }) });
    expect(() => wrong.get("a")).toThrow(/createBreakers: overrides: minimumCalls/);
  });

  it("lists the breakers that are worst off first", async () => {
    const breakers = create({ minimumCalls: 10 });
    for (const [key, failures] of [
      ["good", 0],
      ["bad", 10],
      ["weak", 3],
    ] as const) {
      for (let i = 0; i < 9 - failures; i++) await breakers.run(() => 1, { key });
      for (let i = 0; i < failures; i++) await errorOf(breakers.run(() => Promise.reject(failure), { key }));
    }
    expect(breakers.worst(2).map(({ key }) => key)).toEqual(["bad", "weak"]);
  });

  it("ends all of its breakers", async () => {
    const breakers = create();
    const held = breakers.get("a");
    breakers.dispose();
    expect(await errorOf(held.run(() => 1))).toMatchObject({ code: "SCALE_CLOSED" });
  });
});
