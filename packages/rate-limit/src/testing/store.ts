import type { RateLimitRule } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { beforeEach, describe, expect, it } from "vitest";
import type { Charge, RateLimitStore, Take, Taken } from "../types.js";

/** Makes an empty store that tells the time by `clock` alone. */
export type CreateStore = (clock: ManualClock) => RateLimitStore | Promise<RateLimitStore>;

/**
 * What every RateLimitStore must do. Call it in a vitest file with a function that makes an empty store; add tests of
 * what only your backend has: expiry, reconnects, a cluster.
 */
export function describeRateLimitStore(name: string, create: CreateStore): void {
  describe(`RateLimitStore: ${name}`, () => {
    const context = { clock: createManualClock(), store: {} as RateLimitStore };
    beforeEach(async () => {
      context.clock = createManualClock();
      context.store = await create(context.clock);
    });
    describeOneRule(context);
    describeManyRules(context);
    describeIsolation(context);
  });
}

interface Context {
  clock: ManualClock;
  store: RateLimitStore;
}

const tenPerMinute: RateLimitRule = { name: "tenant", by: "tenant", limit: 10, windowMs: 60_000, burst: 10 };
const threePerSecond: RateLimitRule = { name: "user", by: "user", limit: 3, windowMs: 1000, burst: 3 };

const charge = (rule: RateLimitRule, subject: string, scope = ["api", rule.name]): Charge => ({ rule, subject, scope });

const ask = (cost: number, ...charges: Charge[]): Take => ({ tenantId: "acme", cost, charges });

function describeOneRule(context: Context): void {
  const take = async (cost = 1, rule = tenPerMinute): Promise<Taken> =>
    context.store.take(ask(cost, charge(rule, "acme")));

  it("admits the burst and not one unit more", async () => {
    for (let left = 9; left >= 0; left--) {
      const { allowed, standings } = await take();
      expect({ allowed, remaining: standings[0]?.remaining }).toEqual({ allowed: true, remaining: left });
    }
    expect(await take()).toEqual({
      allowed: false,
      standings: [{ remaining: 0, resetMs: 60_000, retryAfterMs: 6000 }],
    });
  });

  it("admits again exactly at retryAfterMs, not a millisecond before", async () => {
    await take(10);
    context.clock.advance(5999);
    expect((await take()).allowed).toBe(false);
    context.clock.advance(1);
    expect((await take()).allowed).toBe(true);
  });

  it("tells the wait of a cost, and holds to it", async () => {
    await take(8);
    const denied = await take(5);
    expect(denied).toEqual({ allowed: false, standings: [{ remaining: 2, resetMs: 48_000, retryAfterMs: 18_000 }] });
    context.clock.advance(18_000);
    expect((await take(5)).allowed).toBe(true);
  });

  it("banks at most one burst, however long the subject was idle", async () => {
    await take(10);
    context.clock.advance(100 * 60_000);
    expect((await take(10)).allowed).toBe(true);
    expect((await take()).allowed).toBe(false);
  });

  it("charges nothing for a denial", async () => {
    await take(8);
    for (let i = 0; i < 5; i++) expect((await take(3)).allowed).toBe(false);
    expect((await take(2)).allowed).toBe(true);
  });

  it("never admits a cost above the burst", async () => {
    const denied = await take(11);
    expect(denied).toEqual({ allowed: false, standings: [{ remaining: 10, resetMs: 0, retryAfterMs: Infinity }] });
  });

  it("answers a cost of 0 without charging, as it would answer one unit", async () => {
    await take(9);
    for (let i = 0; i < 3; i++) expect(await take(0)).toMatchObject({ allowed: true, standings: [{ remaining: 1 }] });
    await take(1);
    expect(await take(0)).toMatchObject({ allowed: false, standings: [{ remaining: 0, retryAfterMs: 6000 }] });
  });

  it("counts whole units for limits that do not divide the window", async () => {
    const remaining: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) remaining.push((await take(1, threePerSecond)).standings[0]?.remaining);
    expect(remaining).toEqual([2, 1, 0]);
    expect((await take(1, threePerSecond)).standings[0]?.retryAfterMs).toBe(334);
    context.clock.advance(334);
    expect((await take(1, threePerSecond)).allowed).toBe(true);
  });

  it("admits every unit of a limit that does not divide its window, and no more", async () => {
    for (const limit of [3, 7, 11, 13, 49, 97]) {
      const rule = { ...tenPerMinute, name: `l${limit}`, limit, windowMs: 9_999_999, burst: limit };
      let admitted = 0;
      for (let i = 0; i < limit + 3; i++) if ((await take(1, rule)).allowed) admitted++;
      expect({ limit, admitted }).toEqual({ limit, admitted: limit });
    }
  });

  it("holds a burst that is smaller or larger than the limit", async () => {
    const small = { ...tenPerMinute, name: "small", burst: 2 };
    const large = { ...tenPerMinute, name: "large", burst: 30 };
    expect((await take(3, small)).allowed).toBe(false);
    expect((await take(2, small)).allowed).toBe(true);
    expect((await take(30, large)).allowed).toBe(true);
    expect((await take(1, large)).allowed).toBe(false);
  });

  it("is right for windows from 1 ms to 400 days", async () => {
    for (const windowMs of [1, 400 * 86_400_000]) {
      const rule = { ...tenPerMinute, name: `w${windowMs}`, windowMs, limit: 2, burst: 2 };
      expect((await take(2, rule)).allowed).toBe(true);
      expect((await take(1, rule)).allowed).toBe(false);
      context.clock.advance(windowMs / 2);
      expect((await take(1, rule)).allowed).toBe(true);
      expect((await take(1, rule)).allowed).toBe(false);
    }
  });

  it("keeps what was used when the limit of a rule changes", async () => {
    await take(5);
    const raised = { ...tenPerMinute, limit: 100, burst: 100 };
    expect((await take(0, raised)).standings[0]?.remaining).toBe(95);
    const lowered = { ...tenPerMinute, limit: 6, burst: 6 };
    expect((await take(0, lowered)).standings[0]?.remaining).toBe(1);
  });

  it("locks nobody out longer than a full bucket takes to empty when the limit shrinks", async () => {
    await take(30, { ...tenPerMinute, burst: 30 });
    expect((await take()).standings[0]).toEqual({ remaining: 0, resetMs: 60_000, retryAfterMs: 6000 });
  });
}

function describeManyRules(context: Context): void {
  const both = (cost: number, user: string): Take =>
    ask(cost, charge(tenPerMinute, "acme"), charge(threePerSecond, user));

  it("charges all rules or none", async () => {
    expect((await context.store.take(both(3, "ann"))).allowed).toBe(true);
    for (let i = 0; i < 20; i++) expect((await context.store.take(both(1, "ann"))).allowed).toBe(false);
    const bob = await context.store.take(both(1, "bob"));
    expect(bob.standings.map(({ remaining }) => remaining)).toEqual([6, 2]);
  });

  it("tells each rule's own wait", async () => {
    await context.store.take(both(3, "ann"));
    const { standings } = await context.store.take(both(1, "ann"));
    expect(standings.map(({ retryAfterMs }) => retryAfterMs)).toEqual([0, 334]);
  });

  it("decides questions that arrive together as if one after the other", async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => context.store.take(both(1, `user-${i % 20}`))),
    );
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(answers.map(({ allowed }) => allowed).lastIndexOf(true)).toBe(9);
  });

  it("mixes costs, peeks and rules in one turn", async () => {
    const [first, peek, second, denied] = await Promise.all([
      context.store.take(ask(4, charge(tenPerMinute, "acme"))),
      context.store.take(ask(0, charge(tenPerMinute, "acme"))),
      context.store.take(ask(6, charge(tenPerMinute, "acme"))),
      context.store.take(both(1, "ann")),
    ]);
    expect(first?.standings[0]?.remaining).toBe(6);
    expect(peek?.standings[0]?.remaining).toBe(6);
    expect(second?.standings[0]?.remaining).toBe(0);
    expect(denied).toMatchObject({ allowed: false, standings: [{ remaining: 0 }, { remaining: 3, retryAfterMs: 0 }] });
  });
}

/** Ids that have broken key building somewhere. */
// biome-ignore format: one id a line hides how they relate
const HOSTILE = [
  "a:b",
  "a",
  "b",
  "*",
  "?",
  "[a]",
  "{}",
  "{acme}",
  "}{",
  "\u0000",
  "a\u0000b",
  " ",
  "%",
  "%3a",
  "a%3ab",
  "\n",
  "\\",
  "Acme",
  "acme",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "ä",
  "a\u0308",
  "а",
  "\ud800",
  "\udc00",
  "\ufffd",
  "\u{1f4a5}",
  "x".repeat(1024),
];

function describeIsolation(context: Context): void {
  it("keeps tenants, scopes and subjects apart, whatever their ids contain", async () => {
    const one = { ...tenPerMinute, limit: 1, burst: 1 };
    const seen = new Set<string>();
    for (const tenantId of HOSTILE) {
      for (const subject of HOSTILE) {
        const take = { tenantId, cost: 1, charges: [charge(one, subject)] };
        const { allowed } = await context.store.take(take);
        expect({ tenantId, subject, allowed }).toEqual({ tenantId, subject, allowed: true });
        seen.add(JSON.stringify([tenantId, subject]));
      }
    }
    const again = { tenantId: "a", cost: 1, charges: [charge(one, "b")] };
    expect((await context.store.take(again)).allowed).toBe(false);
    expect(seen.size).toBe(HOSTILE.length ** 2);
  });

  it("tells scopes apart that join to the same text", async () => {
    const one = { ...tenPerMinute, limit: 1, burst: 1 };
    for (const scope of [
      ["a", "b", "c"],
      ["a:b", "c"],
      ["a", "b:c"],
      ["a", "b", "", "c"],
    ]) {
      const { allowed } = await context.store.take(ask(1, charge(one, "x", scope)));
      expect({ scope, allowed }).toEqual({ scope, allowed: true });
    }
  });
}
