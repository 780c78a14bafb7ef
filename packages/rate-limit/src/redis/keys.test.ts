import { createManualClock, type ManualClock } from "@scale/core/testing";
import { Redis } from "ioredis";
import { afterAll, describe, expect, inject, it } from "vitest";
import { inBatches } from "../../test/in-batches.js";
import { ruleOf } from "../testing/index.js";
import type { RateLimitStore, ConsumeRequest } from "../types.js";
import { redisStore } from "./store.js";

const url = inject("redisUrl");
const WINDOW_MS = 60_000;
const ALGORITHMS = ["gcra", "sliding-window", "strict-window", "fixed-window", "concurrency"] as const;

let next = 0;
const prefix = (): string => `keys:${process.pid}:${next++}`;
const WAYS = [
  { how: "alone", wrap: (store: RateLimitStore) => store },
  { how: "in a batch of GCRA rules", wrap: (store: RateLimitStore) => inBatches(store, "gcra") },
  { how: "in a batch of any rules", wrap: (store: RateLimitStore) => inBatches(store, "fixed-window") },
] as const;
const CASES = ALGORITHMS.flatMap((algorithm) => WAYS.map((way) => ({ algorithm, ...way })));
const keyUnder = (at: string): string => `${at}:{acme}:api:subject`;

describe.skipIf(!url).each(CASES)("a key of $algorithm that is decided $how", ({ algorithm, wrap }) => {
  const redis = new Redis(url, { maxRetriesPerRequest: 0 });
  afterAll(() => redis.disconnect());
  const storeAt = (at: string, clock?: ManualClock): RateLimitStore =>
    wrap(redisStore({ redis, prefix: at, timeoutMs: 2000, ...(clock && { clock }) }));

  const rule = ruleOf({ algorithm, limit: 10, windowMs: WINDOW_MS });
  const ask = (cost: number, slot = "a", as = rule): ConsumeRequest => ({
    ...{ tenantId: "acme", cost, slot },
    charges: [{ rule: as, subject: "subject", scope: ["api"] }],
  });
  /** The value and the expiry of a key. */
  const at = async (key: string) => [await redis.dumpBuffer(key), await redis.pexpiretime(key)];
  /** Consumes more than the limit. */
  const tooMuch = async (store: RateLimitStore): Promise<void> => {
    if (algorithm !== "concurrency") return void (await store.consume(ask(11)));
    for (let i = 0; i < 10; i++) await store.consume(ask(1, `slot-${i}`));
    await store.consume(ask(1, "one too many"));
  };

  it("expires when nothing of it counts any more, and not before", async () => {
    const here = prefix();
    const store = storeAt(here);
    for (let i = 0; i < 3; i++) {
      const { statuses } = await store.consume(ask(3, `slot-${i}`));
      const ttl = await redis.pttl(keyUnder(here));
      // A few milliseconds passed between the two.
      expect(ttl).toBeGreaterThanOrEqual((statuses[0]?.resetMs ?? Infinity) - 100);
      expect(ttl).toBeLessThanOrEqual(2 * WINDOW_MS + 1);
    }
  });

  it("lives long enough after its rule got a longer window", async () => {
    const here = prefix();
    const store = storeAt(here);
    await store.consume(ask(3, "a", { ...rule, windowMs: 1000 }));
    const { statuses } = await store.consume(ask(3, "b", { ...rule, windowMs: 3_600_000 }));
    expect(await redis.pttl(keyUnder(here))).toBeGreaterThanOrEqual((statuses[0]?.resetMs ?? Infinity) - 100);
  });

  it("lives long enough whichever script wrote it before, and next to rules of other windows", async () => {
    for (const { wrap: before } of WAYS) {
      const here = prefix();
      await before(storeAt(here)).consume(ask(3, "a", { ...rule, windowMs: 1000 }));
      const charges = [1000, WINDOW_MS, 2000].map((windowMs, i) => ({
        ...{ rule: { ...rule, windowMs }, scope: ["api"], subject: i === 1 ? "subject" : `other-${i}` },
      }));
      const { statuses } = await storeAt(here).consume({ ...ask(3, "b"), charges });
      expect(await redis.pttl(keyUnder(here))).toBeGreaterThanOrEqual((statuses[1]?.resetMs ?? Infinity) - 100);
      const other = `${here}:{acme}:api:other-2`;
      expect(await redis.pttl(other)).toBeLessThanOrEqual(5000);
    }
  });

  it("does not exist after a refund of units that no longer count", async () => {
    const here = prefix();
    const store = storeAt(here);
    const consumed = await store.consume(ask(3));
    await store.reset(ask(3));
    await store.refund({ tenantId: "acme", units: 3, charges: ask(3).charges, consumed });
    expect(await redis.exists(keyUnder(here))).toBe(0);
  });

  it("does not grow", async () => {
    const here = prefix();
    const clock = createManualClock();
    const store = storeAt(here, clock);
    let largest = 0;
    for (let i = 0; i < 100; i++) {
      await store.consume(ask(1, `slot-${i}`));
      const isSlots = algorithm === "concurrency";
      largest = Math.max(largest, isSlots ? await redis.zcard(keyUnder(here)) : await redis.strlen(keyUnder(here)));
      clock.advance(WINDOW_MS / 4);
    }
    // Of slots there are never more than the limit, and a count is at most thirteen numbers.
    expect(largest).toBeLessThanOrEqual(algorithm === "concurrency" ? 10 : 13 * 8);
  });

  it("lives as long as units that were counted under a longer window", async () => {
    const here = prefix();
    const clock = createManualClock();
    const store = storeAt(here, clock);
    await store.consume(ask(8, "a", { ...rule, windowMs: 3_600_000 }));
    const { statuses } = await store.consume(ask(1, "b"));
    expect(await redis.pttl(keyUnder(here))).toBeGreaterThanOrEqual((statuses[0]?.resetMs ?? Infinity) - 100);
  });

  it("does not exist after a cost of 0, and is not changed by a denial", async () => {
    const here = prefix();
    const store = storeAt(here);
    await store.consume(ask(0));
    if (algorithm !== "concurrency") await store.consume(ask(11));
    expect(await redis.exists(keyUnder(here))).toBe(0);
    await store.consume(ask(10));
    await tooMuch(store);
    const before = await at(keyUnder(here));
    await store.consume(ask(5, "denied"));
    await store.consume(ask(0));
    await Promise.all([store.consume(ask(1, "denied")), store.consume(ask(2, "denied")), store.consume(ask(0))]);
    expect(await at(keyUnder(here))).toEqual(before);
  });

  it("does not fail other requests of its turn when another program stored its value", async () => {
    for (const poison of ["", "x", "not a count at all", "\u0000".repeat(24), "\u00ff".repeat(104), "list", "hash"]) {
      const here = prefix();
      const store = storeAt(here);
      const key = keyUnder(here);
      if (poison === "list") await redis.lpush(key, "x");
      else if (poison === "hash") await redis.hset(key, "field", "x");
      else await redis.set(key, poison, "EX", 100);
      const other = { ...ask(10), tenantId: "other" };
      const answers = await Promise.all([store.consume(other), store.consume(ask(10)), store.consume(other)]);
      const allowed = answers.map((answer) => answer.allowed);
      expect({ poison, allowed }).toEqual({ poison, allowed: [true, true, algorithm === "concurrency"] });
      expect(await redis.pttl(key)).toBeGreaterThan(0);
      await redis.del(key);
    }
  });

  it("locks out a subject no longer than before when the server's clock is set back", async () => {
    if (algorithm === "concurrency") return;
    const clock = createManualClock();
    const store = storeAt(prefix(), clock);
    await store.consume(ask(10));
    clock.setWall(clock.now() - 86_400_000);
    const told = await store.consume(ask(1));
    const wait = told.statuses[0]?.retryAfterMs ?? Infinity;
    expect({ allowed: told.allowed, isLong: wait > 2 * WINDOW_MS }).toEqual({ allowed: false, isLong: false });
    clock.advance(wait - 1);
    expect((await store.consume(ask(1))).allowed).toBe(false);
    clock.advance(1);
    expect((await store.consume(ask(1))).allowed).toBe(true);
  });
});
