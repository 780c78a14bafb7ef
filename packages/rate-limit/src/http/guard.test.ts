import { createPlanResolver, definePlans, tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import {
  authenticated,
  chain,
  fromHeader,
  type HttpFacts,
  type ResponseEnd,
  tenantGuard,
  type TenantResolver,
} from "@scale/http";
import { createFacts, type FactsInit } from "@scale/http/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { decisionOf, type RateLimitGuardOptions, rateLimitGuard } from "./guard.js";
import { createRateLimiter, type RateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";

const made: RateLimiter[] = [];
afterEach(() => {
  for (const limiter of made.splice(0)) limiter.close();
});

function limiterOf(
  rules: Parameters<typeof createRateLimiter>[0]["rules"] & object,
  options: { ipv6Prefix?: number } = {},
): RateLimiter {
  const limiter = createRateLimiter({ rules, store: memoryStore({ clock: createManualClock() }), ...options });
  made.push(limiter);
  return limiter;
}

const remaining = (headers: Readonly<Record<string, string>> | undefined): number =>
  Number(/r=(\d+)/.exec(headers?.["RateLimit"] ?? "")?.[1]);

describe("rateLimitGuard: the subject", () => {
  const subject = ({ remoteAddress }: HttpFacts) => ({ ip: remoteAddress });
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
    const guard = rateLimitGuard(limiterOf({ ip: { limit: 9, window: "1m" } }, { ipv6Prefix: 64 }), { subject });
    expect(await left(guard, { remoteAddress: "2001:db8:0:100::1" })).toBe(8);
    expect(await left(guard, { remoteAddress: "2001:db8:0:101::1" })).toBe(8);
    expect(await left(guard, { remoteAddress: "2001:db8:0:100::2%eth0" })).toBe(7);
    expect(await left(guard, { remoteAddress: "hash:9c1" })).toBe(8);
  });

  it("passes skipped requests unchanged", async () => {
    const limiter = limiterOf({ tenant: { limit: 1, window: "1m" } });
    const tenant = () => ({ tenantId: "acme" });
    const guard = rateLimitGuard(limiter, { subject: tenant, skip: ({ url }) => url === "/health" });
    for (let i = 0; i < 3; i++) {
      expect(await guard(createFacts({ url: "/health" }))).toEqual({});
    }
    expect((await guard(createFacts())).reply).toBeUndefined();
    expect((await guard(createFacts({ method: "OPTIONS" }))).reply?.status).toBe(429);
  });

  it("takes the subject from the tenant context, and throws without one", async () => {
    const guard = rateLimitGuard(limiterOf({ tenant: { limit: 5, window: "1m" } }));
    const { headers } = await tenancy.run({ tenantId: "acme" }, () => guard(createFacts()));
    expect(remaining(headers)).toBe(4);
    await expect(guard(createFacts())).rejects.toMatchObject({ code: "SCALE_TENANT" });
  });
});

describe("rateLimitGuard: a custom subject", () => {
  it("counts logins by account and by address, without a tenant", async () => {
    const limiter = limiterOf({
      ip: { limit: 4, window: "1m" },
      account: { limit: 2, window: "15m", by: "email" },
    });
    const guard = rateLimitGuard(limiter, {
      subject: ({ remoteAddress, header }) => ({ ip: remoteAddress, keys: { email: header("x-email") } }),
    });
    const login = async (remoteAddress: string, email?: string) => {
      const { reply } = await guard(
        createFacts({ remoteAddress, headers: email === undefined ? {} : { "x-email": email } }),
      );
      return (reply?.body as Record<string, unknown> | undefined)?.["violated-policies"] ?? "admitted";
    };
    expect(await login("192.0.2.1", "ann@example.com")).toBe("admitted");
    // Another address does not make another account of it.
    expect(await login("192.0.2.2", "ann@example.com")).toBe("admitted");
    expect(await login("192.0.2.3", "ann@example.com")).toEqual(["account"]);
    // Nor does another account make another client of the address.
    for (const email of ["bob@example.com", "cyd@example.com", "eve@example.com"])
      expect(await login("192.0.2.1", email)).toBe("admitted");
    // A request without an account would be counted by its address alone.
    await expect(login("192.0.2.4")).rejects.toMatchObject({ code: "SCALE_SUBJECT", by: "email" });
    expect(await login("192.0.2.1", "dan@example.com")).toEqual(["ip"]);
    await limiter.reset({ keys: { email: "ann@example.com" } });
    expect(await login("192.0.2.3", "ann@example.com")).toBe("admitted");
  });

  it("refuses an id that is not a string, without showing it", async () => {
    const limiter = limiterOf({ key: { limit: 1, window: "1m", by: "apiKey" } });
    for (const apiKey of ["", "s3cret".repeat(200), 5, { $ne: null }]) {
      const guard = rateLimitGuard(limiter, { subject: () => ({ keys: { apiKey: apiKey as string } }) });
      const error: unknown = await Promise.resolve(guard(createFacts())).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SCALE_INPUT", status: 400 });
      expect(String(error)).toMatch(/apiKey: expected a string of 1 to 1024 characters .*, got /);
      expect(String(error)).not.toContain("s3cret");
    }
  });
});

describe("rateLimitGuard: a failure after the charge", () => {
  it("keeps neither a slot nor units of a request that it could not answer", async () => {
    const limiter = limiterOf({
      tenant: { limit: 5, window: "1m" },
      jobs: { limit: 1, algorithm: "concurrency", by: "tenant" },
    });
    const broken = { ...createFacts({ remoteAddress: "10.0.0.1" }), header: (): string => throwBroken() };
    const subject = () => ({ tenantId: "acme", ip: "10.0.0.1" });
    for (let request = 0; request < 3; request++) {
      await expect(rateLimitGuard(limiter, { subject })(broken)).rejects.toThrow("broken");
    }
    await expect
      .poll(async () => (await limiter.peek({ tenantId: "acme" })).limits)
      .toMatchObject([
        { name: "tenant", remaining: 5 },
        { name: "jobs", remaining: 1 },
      ]);
  });
});

function throwBroken(): never {
  throw new Error("broken");
}

describe("rateLimitGuard: the end of the response", () => {
  const subject = () => ({ tenantId: "acme" });
  const end = async (chargeWhen: NonNullable<RateLimitGuardOptions["chargeWhen"]>, ended: ResponseEnd) => {
    const limiter = limiterOf({ tenant: { limit: 5, window: "1m" } });
    const { onEnd } = await rateLimitGuard(limiter, { subject, chargeWhen, cost: 2 })(createFacts());
    onEnd?.(ended);
    // A refund in memory takes a few microtasks.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    return (await limiter.peek({ tenantId: "acme" })).limits[0]?.remaining;
  };

  it("gives back what is not charged, and nothing for a response that broke off or was never sent", async () => {
    expect(await end("failed", { status: 200, complete: true })).toBe(5);
    expect(await end("failed", { status: 399, complete: true })).toBe(5);
    expect(await end("failed", { status: 400, complete: true })).toBe(3);
    expect(await end("successful", { status: 200, complete: true })).toBe(3);
    expect(await end("successful", { status: 500, complete: true })).toBe(5);
    for (const chargeWhen of ["failed", "successful"] as const) {
      expect(await end(chargeWhen, { status: 200, complete: false })).toBe(3);
      expect(await end(chargeWhen, { status: 500, complete: false })).toBe(3);
      expect(await end(chargeWhen, { status: undefined, complete: false })).toBe(3);
    }
  });

  it("stays charged, with a process warning, when the function throws or returns something else", async () => {
    for (const [chargeWhen, message] of [
      [() => throwBroken(), "broken"],
      [() => undefined as never, "rateLimitGuard: chargeWhen: expected true or false, got undefined"],
      [async () => "no" as never, 'rateLimitGuard: chargeWhen: expected true or false, got "no"'],
    ] as const) {
      const warned = new Promise((resolve) => {
        process.once("warning", resolve);
      });
      expect(await end(chargeWhen, { status: 200, complete: true })).toBe(3);
      expect(String(await warned)).toContain(message);
    }
  });

  it("gives back once, and no more than the handler has left", async () => {
    const limiter = limiterOf({ tenant: { limit: 9, window: "1m" } });
    const facts = createFacts();
    const { onEnd } = await rateLimitGuard(limiter, { subject, chargeWhen: "failed", cost: 4 })(facts);
    const decision = decisionOf(facts, limiter);
    if (decision !== undefined) await limiter.refund(decision, 3);
    await limiter.check({ tenantId: "acme" }, { cost: 2 });
    onEnd?.({ status: 200, complete: true });
    await expect.poll(async () => (await limiter.peek({ tenantId: "acme" })).limits[0]?.remaining).toBe(7);
  });
});

describe("rateLimitGuard: slots", () => {
  const subject = () => ({ tenantId: "acme" });

  it("holds a slot until the work has ended, and none for a denial", async () => {
    const limiter = limiterOf({ tenant: { limit: 1, algorithm: "concurrency" } });
    const guard = rateLimitGuard(limiter, { subject });
    const first = await guard(createFacts());
    const second = await guard(createFacts());
    expect([first.reply, second.reply?.status, second.holds]).toEqual([undefined, 429, undefined]);
    for (const hold of first.holds ?? []) hold.release();
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

  it("holds nothing when it has no slot", async () => {
    const guard = rateLimitGuard(limiterOf({ tenant: { limit: 9, window: "1m" } }), { subject });
    expect(await guard(createFacts())).toEqual({ headers: expect.any(Object) });
  });
});

describe("rateLimitGuard: a tenant that the client has chosen", () => {
  const rules = { tenant: { limit: 1, window: "1h" } } as const;
  const tenant = fromHeader("x-tenant");
  const seen = async (resolve: TenantResolver, options: RateLimitGuardOptions = {}, user?: TenantResolver) => {
    const guard = chain(tenantGuard({ resolve, ...(user && { user }) }), rateLimitGuard(limiterOf(rules), options));
    const request = () => createFacts({ headers: { "x-tenant": "victim" } });
    const facts = [request(), request()].map((each) => ({ ...each, raw: {} }));
    const [first, second] = [await guard(facts[0] as HttpFacts), await guard(facts[1] as HttpFacts)];
    return { first: Object.keys(first.headers ?? {}), second };
  };

  it("shows nothing of its limits and its plan", async () => {
    const { first, second } = await seen(tenant);
    expect(first).toEqual(["Cache-Control", "Vary"]);
    expect(second.headers).toEqual({ "Cache-Control": "private", Vary: "x-tenant", "Retry-After": "3600" });
    expect(Object.keys(second.reply?.body as object)).toEqual(["type", "title", "status", "code"]);
  });

  it.each<[string, TenantResolver, RateLimitGuardOptions, TenantResolver?]>([
    ["for a resolver that is marked", authenticated(tenant), {}],
    ["for a user of a token", tenant, {}, authenticated(() => "ann")],
    ["for a resolver of the application", () => "victim", {}],
    ["with showLimits: always", tenant, { showLimits: "always" }],
  ])("shows the limits %s", async (_, resolve, options, user) => {
    const { first, second } = await seen(resolve, options, user);
    expect(first).toContain("RateLimit");
    expect(second.reply?.body).toHaveProperty("detail");
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
    ["skip: expected a function", { skip: true }],
    ['chargeWhen: expected "successful", "failed" or a function', { chargeWhen: "sometimes" }],
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
