import { createPlanResolver, definePlans, tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import type { HttpFacts } from "@scale/http";
import { createFacts, type FactsInit } from "@scale/http/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type RateLimitGuardOptions, rateLimitGuard } from "./guard.js";
import { createRateLimiter, type RateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";

const made: RateLimiter[] = [];
afterEach(() => {
  for (const limiter of made.splice(0)) limiter.close();
});

function limiterOf(rules: Parameters<typeof createRateLimiter>[0]["rules"] & object): RateLimiter {
  const limiter = createRateLimiter({ rules, store: memoryStore({ clock: createManualClock() }) });
  made.push(limiter);
  return limiter;
}

const remaining = (headers: Readonly<Record<string, string>> | undefined): number =>
  Number(/r=(\d+)/.exec(headers?.["RateLimit"] ?? "")?.[1]);

describe("rateLimitGuard: the subject", () => {
  const subject = ({ remoteAddress }: HttpFacts) => ({ ip: remoteAddress ?? "" });
  const left = async (guard: ReturnType<typeof rateLimitGuard>, facts: FactsInit) =>
    remaining((await guard(createFacts(facts))).headers);

  it("counts an address before the tenant is known, each IPv6 prefix as one client", async () => {
    const guard = rateLimitGuard(limiterOf({ ip: { limit: 9, window: "1m" } }), { subject });
    expect(await left(guard, { remoteAddress: "192.0.2.1" })).toBe(8);
    expect(await left(guard, { remoteAddress: "::ffff:192.0.2.1" })).toBe(7);
    expect(await left(guard, { remoteAddress: "192.0.2.2" })).toBe(8);
    expect(await left(guard, { remoteAddress: "2001:db8:0:100::1" })).toBe(8);
    expect(await left(guard, { remoteAddress: "2001:db8:0:1ff:ffff::2" })).toBe(7);
    expect(await left(guard, { remoteAddress: "2001:db8:0:200::1" })).toBe(8);
  });

  it("uses the configured prefix, and leaves a string that is not an address as it is", async () => {
    const guard = rateLimitGuard(limiterOf({ ip: { limit: 9, window: "1m" } }), { subject, ipv6Prefix: 64 });
    expect(await left(guard, { remoteAddress: "2001:db8:0:100::1" })).toBe(8);
    expect(await left(guard, { remoteAddress: "2001:db8:0:101::1" })).toBe(8);
    expect(await left(guard, { remoteAddress: "2001:db8:0:100::2%eth0" })).toBe(7);
    expect(await left(guard, { remoteAddress: "hash:9c1" })).toBe(8);
  });

  it("passes skipped requests and preflights unchanged", async () => {
    const limiter = limiterOf({ tenant: { limit: 1, window: "1m" } });
    const tenant = () => ({ tenantId: "acme" });
    const guard = rateLimitGuard(limiter, { subject: tenant, skip: ({ url }) => url === "/health" });
    const asked = { method: "OPTIONS", headers: { "access-control-request-method": "POST" } };
    for (let i = 0; i < 3; i++) {
      expect(await guard(createFacts({ url: "/health" }))).toEqual({});
      expect(await guard(createFacts(asked))).toEqual({});
    }
    const counting = rateLimitGuard(limiter, { subject: tenant, preflight: "count" });
    expect((await counting(createFacts(asked))).reply).toBeUndefined();
    expect((await guard(createFacts({ method: "OPTIONS" }))).reply?.status).toBe(429);
  });

  it("takes the subject from the tenant context, and throws without one", async () => {
    const guard = rateLimitGuard(limiterOf({ tenant: { limit: 5, window: "1m" } }));
    const { headers } = await tenancy.run({ tenantId: "acme" }, () => guard(createFacts()));
    expect(remaining(headers)).toBe(4);
    await expect(guard(createFacts())).rejects.toMatchObject({ code: "SCALE_TENANT" });
  });
});

describe("rateLimitGuard: slots", () => {
  const subject = () => ({ tenantId: "acme" });

  it("holds a slot until the response has ended, and none for a denial", async () => {
    const limiter = limiterOf({ tenant: { limit: 1, algorithm: "concurrency" } });
    const guard = rateLimitGuard(limiter, { subject });
    const first = await guard(createFacts());
    const second = await guard(createFacts());
    expect([first.reply, second.reply?.status, second.onEnd]).toEqual([undefined, 429, undefined]);
    first.onEnd?.();
    expect((await guard(createFacts())).reply).toBeUndefined();
  });

  it("takes none for a request with a cost of 0", async () => {
    const limiter = limiterOf({
      tenant: { limit: 5, window: "1m" },
      jobs: { limit: 1, algorithm: "concurrency", by: "tenant" },
    });
    const free = rateLimitGuard(limiter, { subject, cost: () => 0 });
    for (let i = 0; i < 2; i++) expect(remaining((await free(createFacts())).headers)).toBe(5);
    expect((await rateLimitGuard(limiter, { subject })(createFacts())).reply).toBeUndefined();
  });

  it("sets no onEnd when it holds no slot", async () => {
    const guard = rateLimitGuard(limiterOf({ tenant: { limit: 9, window: "1m" } }), { subject });
    expect(await guard(createFacts())).toEqual({ headers: expect.any(Object) });
  });
});

describe("rateLimitGuard: headers", () => {
  const subject = () => ({ tenantId: "acme" });
  const names = async (headers?: RateLimitGuardOptions["headers"]) => {
    const limiter = limiterOf({ tenant: { limit: 1, window: "1m" } });
    const guard = rateLimitGuard(limiter, { subject, ...(headers && { headers }) });
    await guard(createFacts());
    return Object.keys((await guard(createFacts())).headers ?? {});
  };

  it("uses the configured header forms, draft-10 by default", async () => {
    expect(await names()).toEqual(["RateLimit-Policy", "RateLimit", "Retry-After"]);
    expect(await names([])).toEqual(["Retry-After"]);
    const old = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];
    expect(await names(["draft-7", "legacy"])).toEqual(["RateLimit-Policy", "RateLimit", ...old, "Retry-After"]);
    const split = ["RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"];
    expect(await names(["draft-6"])).toEqual([...split, "Retry-After"]);
  });

  it("writes the reset of X-RateLimit in seconds since 1970", async () => {
    const limiter = limiterOf({ tenant: { limit: 60, window: "1m" } });
    vi.useFakeTimers({ now: 1_700_000_000_000, toFake: ["Date"] });
    const { headers } = await rateLimitGuard(limiter, { subject, headers: ["legacy"] })(createFacts());
    vi.useRealTimers();
    expect(headers?.["X-RateLimit-Reset"]).toBe("1700000001");
  });

  it.each<[string, object]>([
    ["headers: expected one of draft-10, draft-7 and draft-6 at most", { headers: ["draft-10", "draft-7"] }],
    ["headers: expected one of draft-10, draft-7 and draft-6 at most", { headers: ["draft-6", "draft-7"] }],
    ["headers.0", { headers: ["draft-8"] }],
    ["ipv6Prefix", { ipv6Prefix: 128 }],
    ["ipv6Prefix", { ipv6Prefix: 31 }],
    ["skip: expected a function", { skip: true }],
    ['Unrecognized key: "limit"', { limit: 5 }],
  ])("is not made with a wrong option: %s", (message, options) => {
    const limiter = limiterOf({ tenant: { limit: 1, window: "1m" } });
    expect(() => rateLimitGuard(limiter, options)).toThrow(message);
  });
});

describe("rateLimitGuard: a denial", () => {
  it("offers an upgrade from the plans in force at that moment", async () => {
    const rules = (limit: number) => ({ rateLimit: { rules: { tenant: { limit, window: "1m" } } } }) as const;
    const plans = createPlanResolver({ plans: definePlans({ free: rules(1), pro: rules(1) }), lookup: () => "free" });
    const limiter = createRateLimiter({ plans, store: memoryStore({ clock: createManualClock() }) });
    const guard = rateLimitGuard(limiter, { subject: () => ({ tenantId: "acme" }) });
    await guard(createFacts());
    expect((await guard(createFacts())).reply?.body).toHaveProperty("upgrade", undefined);
    plans.replace(definePlans({ free: rules(1), pro: rules(10) }));
    expect((await guard(createFacts())).reply?.body).toMatchObject({ upgrade: { from: "free", to: "pro" } });
  });

  it("gives no retry time when the cost never fits", async () => {
    const limiter = limiterOf({ tenant: { limit: 5, window: "1m" } });
    const { headers, reply } = await rateLimitGuard(limiter, { subject: () => ({ tenantId: "acme" }), cost: 6 })(
      createFacts(),
    );
    expect(headers).not.toHaveProperty("Retry-After");
    expect(reply?.body).not.toHaveProperty("retryAfterMs");
  });
});
