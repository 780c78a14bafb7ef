import { createPlanResolver, definePlans } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { expect, it } from "vitest";
import { createRateLimiter, type RateLimiter } from "../../limiter.js";
import { memoryStore } from "../../memory/store.js";
import type { RateLimitStore } from "../../types.js";
import type { StartLimited } from "./fixture.js";

export function testLimits(start: StartLimited): void {
  it("reports the limits in every response, and denies requests above them", async () => {
    const get = await start([{ limiter: limiterOn(memoryStore({ clock: createManualClock() })) }]);
    const first = await get("acme");
    expect([first.status, first.headers.get("ratelimit"), first.headers.get("ratelimit-policy")]).toEqual([
      200,
      '"tenant";r=1;t=30',
      '"tenant";q=2;w=60',
    ]);
    await get("acme");
    const denied = await get("acme");
    expect(denied.status).toBe(429);
    expect(headersOf(denied)).toEqual({
      "cache-control": "no-store",
      "content-type": "application/problem+json",
      ratelimit: '"tenant";r=0;t=30',
      "ratelimit-policy": '"tenant";q=2;w=60',
      "retry-after": "30",
    });
    expect(await denied.text()).toBe(
      '{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",' +
        '"title":"Request cannot be satisfied as assigned quota has been exceeded","status":429,' +
        '"detail":"The limit of 2 requests per minute is reached. Try again in 30 seconds.",' +
        '"code":"SCALE_RATE_LIMITED","violated-policies":["tenant"],"retryAfterMs":30000}',
    );
  });

  it("counts each tenant separately", async () => {
    const get = await start([{ limiter: limiterOn(memoryStore({ clock: createManualClock() })) }]);
    const statuses = async (tenantId: string): Promise<number[]> =>
      [await get(tenantId), await get(tenantId), await get(tenantId)].map(({ status }) => status);
    expect(await statuses("acme")).toEqual([200, 200, 429]);
    expect(await statuses("globex")).toEqual([200, 200, 429]);
  });
}

export function testUpgrade(start: StartLimited): void {
  it("reports what the next plan would allow", async () => {
    const rules = (limit: number) => ({ rateLimit: { rules: { tenant: { limit, window: "15m" } } } }) as const;
    const plans = definePlans(
      { free: rules(1), pro: rules(2000) },
      { upgradeUrl: ({ to }) => `https://example.com/plans/${to}` },
    );
    const store = memoryStore({ clock: createManualClock() });
    const get = await start([
      { limiter: createRateLimiter({ plans: createPlanResolver({ plans, lookup: () => "free" }), store }) },
    ]);
    await get("acme");
    expect(await (await get("acme")).text()).toBe(
      '{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",' +
        '"title":"Request cannot be satisfied as assigned quota has been exceeded","status":429,' +
        '"detail":"The limit of 1 request per 15 minutes is reached. Try again in 15 minutes. ' +
        'The plan pro allows 2,000 per 15 minutes.",' +
        '"code":"SCALE_RATE_LIMITED","violated-policies":["tenant"],"retryAfterMs":900000,' +
        '"upgrade":{"from":"free","to":"pro","url":"https://example.com/plans/pro",' +
        '"limits":[{"name":"tenant","limit":2000,"windowMs":900000}]}}',
    );
  });
}

export function testSlots(start: StartLimited): void {
  it("denies concurrent requests above the limit, and frees a slot at the end of its response", async () => {
    const rules = { tenant: { limit: 2, algorithm: "concurrency" } } as const;
    const limiter = createRateLimiter({ rules, store: memoryStore() });
    const get = await start([{ limiter }]);
    const held = [await limiter.acquire({ tenantId: "acme" }), await limiter.acquire({ tenantId: "acme" })];
    const denied = await get("acme");
    expect([denied.status, denied.headers.get("retry-after")]).toEqual([429, "1"]);
    expect(denied.headers.get("ratelimit-policy")).toBe('"tenant";q=2;qu="concurrent-requests"');
    expect(denied.headers.get("ratelimit")).toBe('"tenant";r=0;t=1');
    expect(await denied.json()).toMatchObject({ code: "SCALE_RATE_LIMITED", "violated-policies": ["tenant"] });
    await held[0]?.release();
    // One slot is left: each of these requests holds it until its response ends.
    for (let i = 0; i < 5; i++) {
      const response = await get("acme");
      expect([response.status, response.headers.get("ratelimit")]).toEqual([200, '"tenant";r=0']);
      await response.text();
    }
    await held[1]?.release();
    limiter.close();
  });
}

export function testStoreFailure(start: StartLimited): void {
  it("replies 503 with a retry time when it denies because the store is down", async () => {
    const get = await start([{ limiter: limiterOn(down, "deny") }]);
    const denied = await get("acme");
    expect([denied.status, denied.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await denied.json()).toMatchObject({ status: 503, code: "SCALE_RATE_LIMIT_UNAVAILABLE" });
  });

  it("never shows a client the error of the store", async () => {
    const get = await start([{ limiter: limiterOn(down, "throw") }]);
    const failed = await get("acme");
    expect([failed.status, failed.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await failed.text()).not.toContain("10.0.0.5");
  });
}

const fails = (): Promise<never> => Promise.reject(new Error("ECONNRESET at 10.0.0.5"));
const down: RateLimitStore = { consume: fails, refund: fails, reset: fails, release: fails };

const limiterOn = (store: RateLimitStore, whenStoreFails: "deny" | "throw" = "throw"): RateLimiter =>
  createRateLimiter({ store, whenStoreFails, rules: { tenant: { limit: 2, window: "1m" } } });

const headersOf = ({ headers }: Response): Record<string, string | null> =>
  Object.fromEntries(
    ["cache-control", "content-type", "ratelimit", "ratelimit-policy", "retry-after"].map((name) => [
      name,
      headers.get(name),
    ]),
  );
