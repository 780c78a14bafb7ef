import { createManualClock } from "@scale/core/testing";
import { expect, it } from "vitest";
import { decisionOf, type RateLimitGuardOptions } from "../../http/guard.js";
import { createRateLimiter, type RateLimiter } from "../../limiter.js";
import { memoryStore } from "../../memory/store.js";
import type { StartLimited } from "./fixture.js";

const twoPerMinute = (): RateLimiter =>
  createRateLimiter({
    rules: { tenant: { limit: 2, window: "1m" } },
    store: memoryStore({ clock: createManualClock() }),
  });

/** Statuses of five requests. */
async function statusesOf(start: StartLimited, options: RateLimitGuardOptions): Promise<number[]> {
  const get = await start([{ limiter: twoPerMinute(), options }]);
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) statuses.push((await get("acme")).status);
  return statuses;
}

export function testCallbacks(start: StartLimited): void {
  it.each<[string, RateLimitGuardOptions]>([
    ["skip, at once", { skip: () => false }],
    ["skip", { skip: async () => false }],
    ["subject", { subject: async () => ({ tenantId: "acme" }) }],
    ["cost", { cost: async () => 1 }],
  ])("limits by what a callback resolves to: %s", async (_, options) => {
    expect(await statusesOf(start, options)).toEqual([200, 200, 429, 429, 429]);
  });

  it("skips every request for which skip resolves to true", async () => {
    expect(await statusesOf(start, { skip: async () => true })).toEqual([200, 200, 200, 200, 200]);
  });

  it.each<[string, object]>([
    ["skip", { skip: () => "no" }],
    ["skip, later", { skip: async () => undefined }],
    ["subject", { subject: () => undefined }],
    ["subject, later", { subject: async () => "acme" }],
    ["cost", { cost: () => "2" }],
    ["cost, later", { cost: async () => -1 }],
  ])("admits no request when a callback returns something else: %s", async (_, options) => {
    expect(await statusesOf(start, options)).toEqual([500, 500, 500, 500, 500]);
  });

  it("shows the decision to the handler", async () => {
    const limiter = twoPerMinute();
    const other = twoPerMinute();
    const skipped = { limiter: other, options: { skip: () => true } };
    const get = await start([{ limiter }, skipped], async (request) => ({
      remaining: decisionOf(request)?.limits.map(({ name, remaining }) => [name, remaining]),
      same: decisionOf(request, limiter) === decisionOf(request),
      other: decisionOf(request, other) ?? null,
    }));
    expect(await (await get("acme")).json()).toEqual({ remaining: [["tenant", 1]], same: true, other: null });
    expect(await (await get("acme")).json()).toEqual({ remaining: [["tenant", 0]], same: true, other: null });
  });
}
