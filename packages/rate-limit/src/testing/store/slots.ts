import type { RateLimitRule } from "@scale/core";
import { describe, expect, it } from "vitest";
import type { ConsumeResult } from "../../types.js";
import { request, charge, type Context, limitedTo, MINUTE_MS, statusOf, tenOf } from "./context.js";

const two = limitedTo(tenOf("concurrency"), 2);

/** `concurrency` counts held slots, each by the id that the request names. */
export function describeSlots(context: Context): void {
  describe("concurrency", () => {
    testAcquire(context);
    testRenewal(context);
    testRelease(context);
    testSlotRuleChanges(context);
    testTtlChanges(context);
  });
}

function slotsOf(context: Context) {
  const acquire = async (slot: string, rule = two, cost = 1): Promise<ConsumeResult> =>
    context.store.consume({ ...request(cost, charge(rule)), slot });
  const release = async (slot: string, ...rules: RateLimitRule[]): Promise<void> => {
    const charges = (rules.length > 0 ? rules : [two]).map((rule) => charge(rule));
    await context.store.release({ tenantId: "acme", slot, charges });
  };
  const free = async (rule = two): Promise<number> =>
    statusOf(await context.store.consume(request(0, charge(rule)))).remaining;
  return { acquire, release, free };
}

function testAcquire(context: Context): void {
  const { acquire, release, free } = slotsOf(context);

  it("admits as many slots as the limit, whatever the cost, and not one more", async () => {
    expect(await acquire("a")).toMatchObject({ allowed: true, statuses: [{ remaining: 1, resetMs: MINUTE_MS }] });
    expect(await acquire("b", two, 50)).toMatchObject({
      allowed: true,
      statuses: [{ remaining: 0, retryAfterMs: 0 }],
    });
    expect(await acquire("c")).toMatchObject({ allowed: false, statuses: [{ remaining: 0 }] });
  });

  it("tells a refused request to retry within a second, or sooner when a slot expires", async () => {
    await acquire("a");
    await acquire("b");
    expect(statusOf(await acquire("c")).retryAfterMs).toBe(1000);
    context.clock.advance(MINUTE_MS - 200);
    expect(statusOf(await acquire("c")).retryAfterMs).toBe(200);
  });

  it("takes no slot for a cost of 0, for a request without a slot id, and for a refusal", async () => {
    await acquire("a", two, 0);
    await context.store.consume(request(1, charge(two)));
    expect(await free()).toBe(2);
    await acquire("a");
    await acquire("b");
    await acquire("c");
    await release("b");
    expect(await free()).toBe(1);
  });

  it("frees a slot that is released, for the next one", async () => {
    await acquire("a");
    await acquire("b");
    await release("a");
    expect([(await acquire("c")).allowed, (await acquire("d")).allowed]).toEqual([true, false]);
  });
}

function testRenewal(context: Context): void {
  const { acquire, release, free } = slotsOf(context);

  it("renews a slot that is held already, also when all are taken", async () => {
    await acquire("a");
    await acquire("b");
    context.clock.advance(MINUTE_MS - 1);
    expect(await acquire("a")).toMatchObject({ allowed: true, statuses: [{ remaining: 0, resetMs: MINUTE_MS }] });
    context.clock.advance(1);
    expect(await free()).toBe(1);
    context.clock.advance(MINUTE_MS - 1);
    expect(await free()).toBe(2);
  });

  it("frees a slot that is not renewed, exactly when its time is over", async () => {
    await acquire("a");
    context.clock.advance(1000);
    await acquire("b");
    context.clock.advance(MINUTE_MS - 1001);
    expect((await acquire("c")).allowed).toBe(false);
    context.clock.advance(1);
    expect([(await acquire("c")).allowed, (await acquire("d")).allowed]).toEqual([true, false]);
  });

  it("ignores the release and the renewal of an expired slot that another caller took", async () => {
    await acquire("late");
    await acquire("other");
    context.clock.advance(MINUTE_MS);
    await acquire("c");
    await acquire("d");
    await release("late");
    expect(await free()).toBe(0);
    expect((await acquire("late")).allowed).toBe(false);
    await release("unknown");
    expect(await free()).toBe(0);
  });
}

function testRelease(context: Context): void {
  const { acquire, release, free } = slotsOf(context);

  it("frees a slot of every rule it was taken of", async () => {
    const wide = { ...limitedTo(two, 5), name: "wide" };
    await context.store.consume({ ...request(1, charge(two), charge(wide)), slot: "a" });
    expect([await free(), await free(wide)]).toEqual([1, 4]);
    await release("a", two, wide);
    expect([await free(), await free(wide)]).toEqual([2, 5]);
  });

  it("frees all slots when it is reset", async () => {
    await acquire("a");
    await acquire("b");
    await context.store.reset(request(0, charge(two)));
    expect(await free()).toBe(2);
  });

  it.each([1, 400 * 86_400_000])("is right for slots that last %i ms", async (windowMs) => {
    const lasting = { ...two, name: `ttl${windowMs}`, windowMs };
    await acquire("a", lasting);
    await acquire("b", lasting);
    expect(statusOf(await acquire("c", lasting))).toMatchObject({ remaining: 0, resetMs: windowMs });
    context.clock.advance(windowMs);
    expect(await free(lasting)).toBe(2);
  });
}

function testSlotRuleChanges(context: Context): void {
  const { acquire, release } = slotsOf(context);

  it("keeps held slots when the number of slots changes", async () => {
    for (const slot of ["a", "b", "c"]) await acquire(slot, limitedTo(two, 3));
    expect(await acquire("d")).toMatchObject({ allowed: false, statuses: [{ remaining: 0 }] });
    expect((await acquire("c")).allowed).toBe(true);
    await release("a");
    expect((await acquire("d")).allowed).toBe(false);
    await release("b");
    expect((await acquire("d")).allowed).toBe(true);
  });

  it("does not treat an expired slot as held", async () => {
    await acquire("early");
    context.clock.advance(MINUTE_MS / 2);
    await acquire("late");
    context.clock.advance(MINUTE_MS / 2);
    expect((await acquire("early", limitedTo(two, 1))).allowed).toBe(false);
    expect((await acquire("late", limitedTo(two, 1))).allowed).toBe(true);
  });
}

function testTtlChanges(context: Context): void {
  const { acquire, free } = slotsOf(context);

  it("keeps each slot for the ttl of its rule at the time it was taken", async () => {
    const short = { ...two, windowMs: 1000 };
    await acquire("long");
    await acquire("short", short);
    expect(statusOf(await acquire("c", short)).retryAfterMs).toBe(1000);
    context.clock.advance(1000);
    expect(await free()).toBe(1);
    await acquire("short", short);
    context.clock.advance(MINUTE_MS - 1001);
    expect(await free()).toBe(1);
    context.clock.advance(1);
    expect(await free()).toBe(2);
  });

  it("grants nothing in advance", async () => {
    const result = await context.store.consume({ ...request(1, { ...charge(two), want: 5 }), slot: "a" });
    expect(statusOf(result)).toMatchObject({ remaining: 1, granted: 0 });
  });
}
