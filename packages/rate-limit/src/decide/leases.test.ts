import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { remoteStore, storeWith } from "../../test/store-with.js";
import { createRateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";

const SEED = 20_261_120;
const LIMIT = 600;
const LEASE_MS = 200;
const acme = { tenantId: "acme" };
const rules = { tenant: { limit: LIMIT, window: "1m", burst: 50, lease: LEASE_MS } } as const;
const perMs = LIMIT / 60_000;

function setup(processes: number) {
  const clock = createManualClock();
  const { store, asked } = remoteStore({ clock });
  const limiters = Array.from({ length: processes }, (_, i) =>
    createRateLimiter({ rules, store: i === 0 ? store : { ...store }, clock, denialCacheMs: 0 }),
  );
  return { clock, asked, limiters };
}

describe("a leased rule", () => {
  it.each([1, 2, 3, 4, 5])(
    `admits at most the burst, the refill and one lease in any stretch of time, over all processes (seed ${SEED} + %i)`,
    async (offset) => {
      const random = seededRandom(SEED + offset);
      const { clock, limiters } = setup(3);
      const admitted: { at: number; cost: number }[] = [];
      for (let step = 0; step < 800; step++) {
        clock.advance(random() < 0.05 ? random() * 3000 : random() * 8);
        const cost = 1 + Math.floor(random() * 3);
        const asked = limiters.map((limiter) => (random() < 0.7 ? limiter.check(acme, { cost }) : undefined));
        for (const decision of await Promise.all(asked)) {
          if (decision?.allowed === true) admitted.push({ at: clock.monotonic(), cost });
        }
      }
      for (let from = 0; from < admitted.length; from++) {
        const start = admitted[from]?.at ?? 0;
        let units = 0;
        for (const { at, cost } of admitted.slice(from)) {
          units += cost;
          expect(units).toBeLessThanOrEqual(50 + perMs * (at - start + LEASE_MS) + 1e-6);
        }
      }
      const elapsed = clock.monotonic() - (admitted[0]?.at ?? 0);
      const total = admitted.reduce((sum, { cost }) => sum + cost, 0);
      // Unused units of a lease are lost. A lease is as large as the usage of the last one, so the loss is small.
      expect(total).toBeGreaterThan(0.7 * perMs * elapsed);
    },
  );

  it("decides most requests of a busy process without asking the store", async () => {
    const clock = createManualClock();
    const { store, asked } = remoteStore({ clock });
    const busy = { tenant: { limit: 1_000_000, window: "1m", lease: "100ms" } } as const;
    const limiter = createRateLimiter({ rules: busy, store, clock });
    let leased = 0;
    for (let turn = 0; turn < 100; turn++) {
      clock.advance(1);
      const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.check(acme)));
      leased += decisions.filter(({ allowed, decidedBy }) => allowed && decidedBy === "lease").length;
    }
    expect(leased).toBeGreaterThan(9800);
    expect(asked.length).toBeLessThan(60);
  });

  it("charges all rules or none, also when only some are leased", async () => {
    const clock = createManualClock();
    const { store } = remoteStore({ clock });
    const mixed = { ...rules, user: { limit: 3, window: "1h" } } as const;
    const limiter = createRateLimiter({ rules: mixed, store, clock, denialCacheMs: 0 });
    const ann = { tenantId: "acme", userId: "ann" };
    for (let i = 0; i < 3; i++) expect((await limiter.check(ann)).allowed).toBe(true);
    for (let i = 0; i < 40; i++) expect(await limiter.check(ann)).toMatchObject({ allowed: false, violated: ["user"] });
    clock.advance(LEASE_MS);
    // Nothing of the tenant's was lost but what was on lease.
    expect((await limiter.peek(ann)).limits[0]?.remaining).toBeGreaterThanOrEqual(50 - 3 - 8);
  });

  it("refunds unused units to the lease", async () => {
    const { limiters, asked } = setup(1);
    const [limiter] = limiters;
    if (limiter === undefined) throw new Error("no limiter");
    await limiter.check(acme);
    const decision = await limiter.check(acme, { cost: 2 });
    expect(decision.decidedBy).toBe("lease");
    const { remaining = 0 } = decision.limits[0] ?? {};
    await limiter.refund(decision);
    expect((await limiter.check(acme)).limits[0]?.remaining).toBe(remaining + 1);
    expect(asked).toHaveLength(1);
  });

  it("refunds nothing to a later lease, in which expired units would become valid again", async () => {
    const { limiters, clock } = setup(1);
    const [limiter] = limiters;
    if (limiter === undefined) throw new Error("no limiter");
    const old = [];
    for (let i = 0; i < 40; i++) old.push(await limiter.check(acme));
    clock.advance(3_600_000);
    await limiter.check(acme);
    for (const decision of old) if (decision.decidedBy === "lease") await limiter.refund(decision);
    let admitted = 0;
    while ((await limiter.check(acme)).allowed) admitted++;
    expect(admitted).toBeLessThan(50);
  });

  it("lets waiting requests ask at once when the refill they wait for fails", async () => {
    let asked = 0;
    let underWay = 0;
    let most = 0;
    const store = storeWith(async () => {
      asked++;
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      throw new Error("down");
    });
    const limiter = createRateLimiter({ rules, store, whenStoreFails: "deny" });
    await Promise.all(Array.from({ length: 30 }, () => limiter.check(acme)));
    expect({ asked, most }).toEqual({ asked: 30, most: 29 });
  });

  it("is decided by policy when the store fails, after what is on lease", async () => {
    const memory = memoryStore();
    let isDown = false;
    const store = storeWith(async (request) => {
      if (isDown) throw new Error("down");
      return memory.consume(request);
    });
    const limiter = createRateLimiter({
      rules: { tenant: { ...rules.tenant, lease: "10s" } },
      store,
      whenStoreFails: "deny",
    });
    await limiter.check(acme);
    isDown = true;
    const decidedBy = [];
    for (let i = 0; i < 12; i++) decidedBy.push((await limiter.check(acme)).decidedBy);
    expect(decidedBy).toEqual([...Array(8).fill("lease"), ...Array(4).fill("policy")]);
  });
});
