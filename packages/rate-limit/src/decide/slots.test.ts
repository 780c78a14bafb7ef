import { createPlanResolver, definePlans } from "@scale/core";
import { describe, expect, it } from "vitest";
import { remoteStore, storeWith } from "../../test/store-with.js";
import { slotLose } from "../events.js";
import { createRateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";

const acme = { tenantId: "acme" };
const rules = {
  tenant: { limit: 100, window: "1h" },
  running: { algorithm: "concurrency", limit: 2, by: "tenant", ttl: "1h" },
} as const;

describe("acquire", () => {
  it("takes a slot and charges the other rules, or none of them", async () => {
    const limiter = createRateLimiter({ rules });
    const first = await limiter.acquire(acme);
    const second = await limiter.acquire(acme, { cost: 10 });
    const third = await limiter.acquire(acme);
    expect([first.allowed, second.allowed, third.allowed]).toEqual([true, true, false]);
    expect(third.decision).toMatchObject({ violated: ["running"], limits: [{ remaining: 89 }, { remaining: 0 }] });
    await first.release();
    expect((await limiter.acquire(acme)).allowed).toBe(true);
    limiter.close();
  });

  it("takes no slot for a request that another rule denies", async () => {
    const limiter = createRateLimiter({ rules });
    expect((await limiter.acquire(acme, { cost: 101 })).allowed).toBe(false);
    expect((await limiter.peek(acme)).limits[1]).toMatchObject({ name: "running", remaining: 2 });
  });

  it("releases the slot at the end of the block that holds it", async () => {
    const limiter = createRateLimiter({ rules });
    {
      await using slot = await limiter.acquire(acme);
      expect(slot.allowed).toBe(true);
      expect((await limiter.peek(acme)).limits[1]?.remaining).toBe(1);
    }
    expect((await limiter.peek(acme)).limits[1]?.remaining).toBe(2);
  });

  it("releases it once, however often release is called", async () => {
    const limiter = createRateLimiter({ rules });
    const [first, , third] = [await limiter.acquire(acme), await limiter.acquire(acme), await limiter.acquire(acme)];
    await Promise.all([first.release(), first.release(), third.release()]);
    expect((await limiter.peek(acme)).limits[1]?.remaining).toBe(1);
    limiter.close();
  });

  it("leaves concurrency rules out of a check", async () => {
    const limiter = createRateLimiter({ rules });
    expect((await limiter.check(acme)).limits.map(({ name }) => name)).toEqual(["tenant"]);
  });

  it("returns a slot that holds nothing when the plan has no concurrency rule", async () => {
    const plans = createPlanResolver({
      plans: definePlans({ free: { rateLimit: { rules: { tenant: { limit: 1, window: "1h" } } } } }),
      lookup: () => "free",
    });
    const limiter = createRateLimiter({ plans });
    const slot = await limiter.acquire(acme);
    await slot.release();
    expect([slot.allowed, (await limiter.peek(acme)).allowed]).toEqual([true, false]);
  });

  it("throws for a cost of 0, which would hold nothing", async () => {
    await expect(createRateLimiter({ rules }).acquire(acme, { cost: 0 })).rejects.toThrow(TypeError);
  });

  it("follows the failure policy of its rule when the store cannot answer, and can be released", async () => {
    const down = storeWith(() => Promise.reject(new Error("down")));
    const local = createRateLimiter({ rules, store: down, whenStoreFails: "local", instances: 1 });
    const slots = [await local.acquire(acme), await local.acquire(acme), await local.acquire(acme)];
    expect(slots.map(({ allowed }) => allowed)).toEqual([true, true, false]);
    await slots[0]?.release();
    expect((await local.acquire(acme)).allowed).toBe(true);
    const open = createRateLimiter({ rules, store: down, whenStoreFails: "allow" });
    await using slot = await open.acquire(acme);
    expect(slot).toMatchObject({ allowed: true, decision: { decidedBy: "policy" } });
  });
});

describe("a slot that is held", () => {
  const short = { running: { algorithm: "concurrency", limit: 1, by: "tenant", ttl: 60 } } as const;
  // Real timers are the subject: the slot must outlive its ttl, or not.
  const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it("is renewed while it is held, and becomes free soon after its limiter is closed", async () => {
    const { store } = remoteStore();
    const limiter = createRateLimiter({ rules: short, store });
    const other = createRateLimiter({ rules: short, store, name: "api" });
    const slot = await limiter.acquire(acme);
    for (let i = 0; i < 5; i++) {
      await passed(30);
      expect((await other.acquire(acme)).allowed).toBe(false);
    }
    expect(slot.signal.aborted).toBe(false);
    limiter.close();
    await passed(100);
    const next = await other.acquire(acme);
    expect(next.allowed).toBe(true);
    await slot.release();
    expect((await other.acquire(acme)).allowed).toBe(false);
    other.close();
  });

  it("is free after its ttl when it is left to expire, and earlier when it is released", async () => {
    const { store } = remoteStore();
    const limiter = createRateLimiter({ rules: short, store });
    const lost: unknown[] = [];
    const stop = slotLose.subscribe((event) => lost.push(event));
    const slot = await limiter.acquire(acme);
    slot.letExpire();
    expect((await limiter.acquire(acme)).allowed).toBe(false);
    await passed(150);
    const next = await limiter.acquire(acme);
    expect(next.allowed).toBe(true);
    next.letExpire();
    await next.release();
    const last = await limiter.acquire(acme);
    expect(last.allowed).toBe(true);
    // The slot of another caller by now.
    await slot.release();
    expect((await limiter.acquire(acme)).allowed).toBe(false);
    last.letExpire(100);
    await passed(60);
    expect((await limiter.acquire(acme)).allowed).toBe(false);
    await passed(250);
    expect((await limiter.acquire(acme)).allowed).toBe(true);
    stop();
    expect(lost).toEqual([]);
    limiter.close();
  });

  it("is not taken again by a renewal that was in flight when it was released", async () => {
    const memory = memoryStore();
    let renewing: (() => void) | undefined;
    const renewed = new Promise<void>((resolve) => (renewing = resolve));
    let letGo: (() => void) | undefined;
    const released = new Promise<void>((resolve) => (letGo = resolve));
    let takes = 0;
    const store = storeWith(
      async (request) => {
        if (++takes === 2) {
          renewing?.();
          await released;
        }
        return memory.consume(request);
      },
      { release: (held) => memory.release(held) },
    );
    const limiter = createRateLimiter({ rules: short, store });
    const slot = await limiter.acquire(acme);
    await renewed;
    await slot.release();
    letGo?.();
    await passed(10);
    expect((await limiter.acquire(acme)).allowed).toBe(true);
    limiter.close();
  });

  it("can be released after the limiter was closed", async () => {
    const limiter = createRateLimiter({ rules });
    const slots = [await limiter.acquire(acme), await limiter.acquire(acme)];
    limiter.close();
    await Promise.all(slots.map((slot) => slot.release()));
    expect((await limiter.peek(acme)).limits[1]?.remaining).toBe(2);
  });

  it("is released in a store that took it and answered after the deadline", async () => {
    const memory = memoryStore();
    const store = storeWith(
      async (request) => {
        void memory.consume(request);
        await new Promise(() => undefined);
      },
      { release: (held) => memory.release(held) },
    );
    const limiter = createRateLimiter({ rules, store, timeoutMs: 5, whenStoreFails: "allow" });
    const slot = await limiter.acquire(acme);
    expect(slot.decision.decidedBy).toBe("policy");
    await slot.release();
    const other = createRateLimiter({ rules, store: memory });
    expect((await other.peek(acme)).limits[1]?.remaining).toBe(2);
  });

  it("is lost, and aborts its signal, when the store is out of reach for longer than its ttl", async () => {
    const memory = memoryStore();
    let isDown = false;
    const errors: unknown[] = [];
    const lost: unknown[] = [];
    const leave = slotLose.subscribe((event) => lost.push(event));
    const store = storeWith(async (request) => {
      if (isDown) throw new Error("down");
      return memory.consume(request);
    });
    const limiter = createRateLimiter({ rules: short, store, onStoreError: (error) => errors.push(error) });
    const slot = await limiter.acquire(acme);
    isDown = true;
    await new Promise((resolve) => slot.signal.addEventListener("abort", resolve));
    leave();
    expect(lost).toEqual([{ limiter: "api", tenantId: "acme" }]);
    expect(errors.length).toBeGreaterThan(0);
    limiter.close();
  });

  it("has an aborted signal when it was lost before anything read the signal", async () => {
    const memory = memoryStore();
    let isDown = false;
    const isLost = new Promise<void>((resolve) => {
      const leave = slotLose.subscribe(() => {
        leave();
        resolve();
      });
    });
    const store = storeWith(async (request) => {
      if (isDown) throw new Error("down");
      return memory.consume(request);
    });
    const limiter = createRateLimiter({ rules: short, store, onStoreError: () => undefined });
    const slot = await limiter.acquire(acme);
    isDown = true;
    await isLost;
    await Promise.resolve();
    expect(slot.signal.aborted).toBe(true);
    expect(slot.signal.reason).toMatchObject({ message: expect.stringContaining("the slot was lost") });
    expect(slot.signal).toBe(slot.signal);
    limiter.close();
  });
});
