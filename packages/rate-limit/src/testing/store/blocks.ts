import type { RateLimitRule } from "@scale/core";
import { describe, expect, it } from "vitest";
import { charge, type Context, MINUTE_MS, oneRule, request, statusOf, tenOf, type WindowAlgorithm } from "./context.js";

const BLOCK_MS = 10 * MINUTE_MS;

/** A rule that blocks a subject after repeated denials. */
export function describeBlocks(context: Context, algorithm: WindowAlgorithm): void {
  const block = { afterDenials: 3, durationMs: BLOCK_MS, factor: 3, maxMs: 5 * BLOCK_MS };
  const rule: RateLimitRule = { ...tenOf(algorithm), block };

  describe(`${algorithm} with a block`, () => {
    testBlock(context, rule);
    testEscalation(context, rule);
    testBlockedOthers(context, rule);
  });
}

/** Uses the limit up, and is denied until the block begins. */
async function blockSubject(context: Context, rule: RateLimitRule): Promise<number> {
  const { consume } = oneRule(context, rule);
  for (let i = 0; i < 100; i++) {
    const { statuses } = await consume(10, rule);
    if (statuses[0]?.blocked === true) return statuses[0].retryAfterMs;
  }
  throw new Error("expected a block within 100 requests, got none");
}

function testBlock(context: Context, rule: RateLimitRule): void {
  const { consume, peek } = oneRule(context, rule);

  it("begins with the last of the denials, and ends exactly at the reported time", async () => {
    await consume(10);
    const blocked = [];
    for (let i = 0; i < 3; i++) blocked.push(statusOf(await consume()).blocked);
    expect(blocked).toEqual([false, false, true]);
    expect(statusOf(await consume())).toEqual({
      ...{ remaining: 0, resetMs: BLOCK_MS, retryAfterMs: BLOCK_MS, blocked: true },
    });
    context.clock.advance(BLOCK_MS - 1);
    expect((await consume()).allowed).toBe(false);
    context.clock.advance(1);
    expect(await consume()).toMatchObject({ allowed: true, statuses: [{ remaining: 9, blocked: false }] });
  });

  it("is not extended by denials during the block, and counts no peek", async () => {
    await consume(10);
    for (let i = 0; i < 10; i++) await peek();
    expect((await peek()).blocked).toBe(false);
    await blockSubject(context, rule);
    context.clock.advance(BLOCK_MS / 2);
    for (let i = 0; i < 10; i++) await consume();
    expect(await peek()).toMatchObject({ retryAfterMs: BLOCK_MS / 2, blocked: true });
  });

  it("counts only denials of one window, and no cost that never fits", async () => {
    await consume(10);
    await consume();
    await consume();
    for (let i = 0; i < 5; i++) expect(statusOf(await consume(11)).retryAfterMs).toBe(Infinity);
    context.clock.advance(2 * MINUTE_MS);
    await consume(10);
    expect([statusOf(await consume()).blocked, statusOf(await consume()).blocked]).toEqual([false, false]);
    expect(statusOf(await consume()).blocked).toBe(true);
  });

  it("sees the denials of one turn", async () => {
    await consume(10);
    const denied = await Promise.all(Array.from({ length: 5 }, () => consume()));
    expect(denied.map((result) => statusOf(result).blocked)).toEqual([false, false, true, true, true]);
  });

  it("ends with a reset, together with the count", async () => {
    await blockSubject(context, rule);
    await context.store.reset(request(0, charge(rule)));
    expect(await consume()).toMatchObject({ allowed: true, statuses: [{ remaining: 9, blocked: false }] });
  });
}

function testEscalation(context: Context, rule: RateLimitRule): void {
  it("is longer each time by its factor, up to the longest", async () => {
    const lengths = [];
    for (let i = 0; i < 4; i++) {
      const length = await blockSubject(context, rule);
      lengths.push(length / BLOCK_MS);
      context.clock.advance(length);
    }
    expect(lengths).toEqual([1, 3, 5, 5]);
  });

  it("starts again with the first length when the subject stayed unblocked for as long as the last block", async () => {
    const first = await blockSubject(context, rule);
    context.clock.advance(first);
    const second = await blockSubject(context, rule);
    context.clock.advance(2 * second - 1);
    const third = await blockSubject(context, rule);
    context.clock.advance(2 * third);
    expect([first, second, third, await blockSubject(context, rule)].map((ms) => ms / BLOCK_MS)).toEqual([1, 3, 5, 1]);
  });
}

function testBlockedOthers(context: Context, rule: RateLimitRule): void {
  const other = { ...tenOf(rule.algorithm), name: "other" };

  it("blocks one subject of one rule, and charges no other rule of a denied request", async () => {
    await blockSubject(context, rule);
    const both = await context.store.consume(request(1, charge(rule), charge(other)));
    expect({ allowed: both.allowed, other: both.statuses[1]?.remaining }).toEqual({ allowed: false, other: 10 });
    expect((await context.store.consume(request(1, charge(rule, "someone else")))).allowed).toBe(true);
    const alone = await context.store.consume({ ...request(1, charge(rule)), tenantId: "another" });
    expect(alone.allowed).toBe(true);
  });

  it("counts no denial by another rule", async () => {
    await context.store.consume(request(10, charge(other)));
    for (let i = 0; i < 5; i++) await context.store.consume(request(1, charge(rule), charge(other)));
    expect(statusOf(await context.store.consume(request(1, charge(rule)))).blocked).toBe(false);
  });

  it("reports a block in shadow, and admits the request", async () => {
    const shadow = { ...rule, name: "shadow", shadow: true };
    await blockSubject(context, shadow);
    const result = await context.store.consume(request(1, charge(shadow), charge(other)));
    expect(result).toMatchObject({ allowed: true, statuses: [{ blocked: true }, { remaining: 9 }] });
  });

  it("is charged beyond the limit during a block", async () => {
    await blockSubject(context, rule);
    const forced = await context.store.consume({ ...request(2, charge(rule)), force: { id: "a" } });
    expect(forced.allowed).toBe(true);
    expect(statusOf(await context.store.consume(request(1, charge(rule)))).blocked).toBe(true);
  });
}
