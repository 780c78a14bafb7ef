import { describe, expect, expectTypeOf, it } from "vitest";
import { ConfigError, PlanError } from "../errors.js";
import { definePlans } from "./define.js";
import { hard, soft, unlimited } from "./quota-limits.js";
import { saas4 } from "./presets/saas4.js";
import type { Plan } from "./types.js";

const plans = definePlans(
  {
    free: { rateLimit: { rules: { tenant: { limit: 500, window: "15m" } } } },
    pro: {
      rateLimit: {
        rules: {
          tenant: { limit: 5000, window: "15m", burst: 100 },
          second: { by: "tenant", limit: 50, window: "1s" },
        },
        groups: { ai: { user: { limit: 20, window: "1m" } } },
      },
    },
  },
  { aliases: { PRO: "pro" } },
);

describe("definePlans", () => {
  it("returns plans with names, units and defaults filled in", () => {
    const plain = { algorithm: "gcra", shadow: false, leaseMs: 0, whenStoreFails: undefined };
    expect(plans.resolve("pro").rateLimit).toEqual({
      rules: [
        { name: "tenant", by: "tenant", limit: 5000, windowMs: 900_000, burst: 100, ...plain },
        { name: "second", by: "tenant", limit: 50, windowMs: 1000, burst: 50, ...plain },
      ],
      groups: { ai: [{ name: "user", by: "user", limit: 20, windowMs: 60_000, burst: 20, ...plain }] },
    });
  });

  it("accepts every algorithm with its own settings, and no others", () => {
    const parse = (rule: unknown) =>
      definePlans({ free: { rateLimit: { rules: { tenant: rule as never } } } }).resolve("free").rateLimit?.rules[0];
    expect(parse({ algorithm: "strict-window", limit: 5, window: "1m", shadow: true, whenStoreFails: "deny" })).toEqual(
      {
        ...{ name: "tenant", by: "tenant", algorithm: "strict-window", limit: 5, burst: 5, windowMs: 60_000 },
        ...{ shadow: true, leaseMs: 0, whenStoreFails: "deny" },
      },
    );
    expect(parse({ algorithm: "concurrency", limit: 4 })).toMatchObject({ limit: 4, burst: 4, windowMs: 60_000 });
    expect(parse({ algorithm: "concurrency", limit: 4, ttl: "5s" })).toMatchObject({ windowMs: 5000 });
    expect(parse({ limit: 600, window: "1m", lease: "50ms" })).toMatchObject({ algorithm: "gcra", leaseMs: 50 });
    expect(() => parse({ algorithm: "concurrency", limit: 4, window: "1m" })).toThrow(/tenant: .*"window"/);
    expect(() => parse({ algorithm: "fixed-window", limit: 4, window: "1m", burst: 2 })).toThrow(
      /burst: expected no burst/,
    );
    expect(() => parse({ algorithm: "strict-window", limit: 4, window: "1m", lease: 5 })).toThrow(
      /lease: expected no lease/,
    );
    expect(() => parse({ algorithm: "bucket", limit: 4, window: "1m" })).toThrow(/algorithm: .*got "bucket"/);
    expect(() => parse({ limit: 4, window: "1m", lease: "2m" })).toThrow(/lease/);
    expect(() => parse(5)).toThrow(/tenant: .*got 5/);
  });

  it("accepts a block after repeated denials, and fills in its defaults", () => {
    const parse = (block: unknown, rest: object = {}) =>
      definePlans({
        free: { rateLimit: { rules: { tenant: { limit: 5, window: "1m", block, ...rest } as never } } },
      }).resolve("free").rateLimit?.rules[0]?.block;
    expect(parse({ duration: "15m" })).toEqual({ afterDenials: 1, durationMs: 900_000, factor: 1, maxMs: 86_400_000 });
    expect(parse({ duration: "2d" })?.maxMs).toBe(2 * 86_400_000);
    expect(parse({ afterDenials: 5, duration: "1m", factor: 2, maxDuration: "1h" })).toEqual({
      ...{ afterDenials: 5, durationMs: 60_000, factor: 2, maxMs: 3_600_000 },
    });
    expect(() => parse({})).toThrow(/duration/);
    expect(() => parse({ duration: "1h", maxDuration: "1m" })).toThrow(/maxDuration: expected at least duration/);
    expect(() => parse({ duration: "1h", afterDenials: 0 })).toThrow(/afterDenials/);
    expect(() => parse({ duration: "1h", factor: 0.5 })).toThrow(/factor/);
    expect(() => parse({ duration: "1h" }, { lease: 50 })).toThrow(/block: expected no block/);
    expect(() => parse({ duration: "1h" }, { algorithm: "concurrency", window: undefined })).toThrow(/block/);
  });

  it("accepts an unlimited rule, and lifts one rule of a tenant by an override", () => {
    const big = plans.resolve("pro", {
      rateLimit: { rules: { tenant: "unlimited" }, groups: { ai: { user: "unlimited" } } },
    });
    expect(big.rateLimit?.rules.map(({ name, limit }) => [name, limit])).toEqual([
      ["tenant", Infinity],
      ["second", 50],
    ]);
    expect(big.rateLimit?.groups["ai"]?.[0]).toMatchObject({ name: "user", by: "user", limit: Infinity });
    expect(() => plans.resolve("pro", { rateLimit: { rules: { tenant: "none" as never } } })).toThrow(PlanError);
  });

  it("returns the smallest larger plan that allows something, with the URL of the upgrade", () => {
    const sized = (limit: number) => ({ rateLimit: { rules: { tenant: { limit, window: "15m" as const } } } });
    const three = definePlans(
      { small: sized(5), middle: sized(50), large: sized(500) },
      { aliases: { S: "small" }, upgradeUrl: ({ from, to }) => `https://app.example/upgrade?from=${from}&to=${to}` },
    );
    const holds = (limit: number) => (plan: Plan) => (plan.rateLimit?.rules[0]?.limit ?? 0) >= limit;
    expect(three.upgrade("S", holds(20))).toEqual({
      from: "small",
      to: "middle",
      url: "https://app.example/upgrade?from=small&to=middle",
    });
    expect([three.upgrade("small", holds(100))?.to, three.upgrade("small", holds(1000))]).toEqual(["large", undefined]);
    expect([three.upgrade("large", holds(1)), three.upgrade("none", holds(1))]).toEqual([undefined, undefined]);
    expect(plans.upgrade("free", () => true)).toEqual({ from: "free", to: "pro" });
  });

  it("computes the units of an overage as the decimal number that the plan has", () => {
    const quota = { a: soft(50, { overage: 0.58 }), b: soft(100, { overage: 1.1 }), c: soft(9, { overage: 0.1 }) };
    const found = definePlans({ free: { quota } }).resolve("free").quota;
    expect([found?.["a"]?.max, found?.["b"]?.max, found?.["c"]?.max]).toEqual([79, 210, 9]);
  });

  it("parses quotas, and replaces a whole one by an override", () => {
    const limits = definePlans({
      free: { quota: { users: hard(3), emails: soft(100, { overage: 0.1 }), calls: soft(9) } },
    });
    expect(limits.resolve("free").quota).toEqual({
      users: { kind: "hard", limit: 3, max: 3 },
      emails: { kind: "soft", limit: 100, max: 110 },
      calls: { kind: "soft", limit: 9, max: Infinity },
    });
    const overrides = { quota: { users: unlimited(), calls: hard(5) } };
    expect(limits.resolve("free", overrides).quota).toEqual({
      users: { kind: "unlimited", limit: Infinity, max: Infinity },
      emails: { kind: "soft", limit: 100, max: 110 },
      calls: { kind: "hard", limit: 5, max: 5 },
    });
    for (const quota of [{ users: 3 }, { users: hard(-1) }, { users: hard(1.5) }, { "a b": hard(1) }]) {
      expect(() => definePlans({ free: { quota: quota as never } })).toThrow(ConfigError);
    }
    expect(() => limits.resolve("free", { quota: { users: soft(1, { overage: -1 }) } })).toThrow(PlanError);
  });

  it("parses shares of the cache and the database, and page sizes, and applies a tenant's overrides", () => {
    const shares = definePlans({
      free: {},
      pro: { cache: { maxBytes: "8MiB" }, database: { maxConnections: 4 }, pageSize: { default: 50, max: 200 } },
      large: { cache: { weight: 0.5 }, pageSize: {} },
    });
    expect(shares.resolve("free")).toMatchObject({ cache: undefined, database: undefined, pageSize: undefined });
    expect(shares.resolve("pro")).toMatchObject({
      cache: { weight: 1, maxBytes: 8 * 1024 ** 2 },
      database: { maxConnections: 4 },
      pageSize: { default: 50, max: 200 },
    });
    expect(shares.resolve("large")).toMatchObject({
      cache: { weight: 0.5, maxBytes: Infinity },
      pageSize: { default: undefined, max: undefined },
    });
    const overrides = { cache: { weight: 3 }, database: { maxConnections: 9 }, pageSize: { max: 1000 } };
    expect(shares.resolve("pro", overrides)).toMatchObject({
      cache: { weight: 3, maxBytes: 8 * 1024 ** 2 },
      database: { maxConnections: 9 },
      pageSize: { default: 50, max: 1000 },
    });
    expect(() => shares.resolve("pro", { pageSize: { max: 10 } })).toThrow(
      /overrides of plan "pro": pageSize\.default: expected at most max, got 50/,
    );
  });

  it.each([
    { cache: { weight: 0 } },
    { cache: { weight: Number.NaN } },
    { cache: { weight: 2_000_000 } },
    { cache: { maxBytes: 0 } },
    { cache: { maxBytes: 0.5 } },
    { cache: { maxBytes: "8 apples" } },
    { cache: { bytes: 5 } },
    { database: {} },
    { database: { maxConnections: 0 } },
    { database: { maxConnections: Infinity } },
    { pageSize: { max: 0 } },
    { pageSize: { default: 1.5 } },
    { pageSize: { default: 11, max: 10 } },
  ])("refuses the section %o", (sections) => {
    expect(() => definePlans({ free: sections as never })).toThrow(ConfigError);
  });

  it("parses shares of the queues", () => {
    const shares = definePlans({
      free: { queue: {} },
      pro: { queue: { weight: 0.5, maxInFlight: 3, maxBacklog: 10, rate: { limit: 5, window: "1m" } } },
    });
    expect(shares.resolve("free").queue).toEqual({
      weight: 1,
      maxInFlight: Infinity,
      maxBacklog: 100_000,
      rate: undefined,
    });
    const pro = { weight: 0.5, maxInFlight: 3, maxBacklog: 10, rate: { limit: 5, windowMs: 60_000 } };
    expect(shares.resolve("pro").queue).toEqual(pro);
    expect(shares.resolve("pro", { queue: { weight: 8 } }).queue).toEqual({ ...pro, weight: 8 });
    expect(definePlans({ free: {} }).resolve("free").queue).toBeUndefined();
    for (const queue of [{ weight: 0 }, { maxInFlight: 0 }, { maxBacklog: 1.5 }, { rate: { limit: 5 } }, { cap: 1 }]) {
      expect(() => definePlans({ free: { queue } as never })).toThrow(/plan "free": queue/);
    }
  });

  it("parses the connections for streams of events", () => {
    const plansOf = definePlans({
      free: { realtime: { maxConnections: 5 } },
      pro: { realtime: { maxConnections: 50, maxConnectionsPerUser: 3 } },
    });
    expect(plansOf.resolve("free").realtime).toEqual({ maxConnections: 5, maxConnectionsPerUser: undefined });
    const more = plansOf.resolve("pro", { realtime: { maxConnections: 60 } });
    expect(more.realtime).toEqual({ maxConnections: 60, maxConnectionsPerUser: 3 });
    expect(definePlans({ free: {} }).resolve("free").realtime).toBeUndefined();
    for (const realtime of [{ maxConnections: 0 }, { maxConnectionsPerUser: 1.5 }, { cap: 1 }]) {
      expect(() => definePlans({ free: { realtime } })).toThrow(/plan "free": realtime/);
    }
  });

  it("keeps the names as types, so that an unknown plan does not compile", () => {
    expectTypeOf(plans.names).toEqualTypeOf<readonly ("free" | "pro")[]>();
    // @ts-expect-error -- an alias must point to a plan that exists
    expect(() => definePlans({ free: {} }, { aliases: { x: "fre" } })).toThrow(ConfigError);
  });

  it("finds plans by alias, and the next larger plan", () => {
    expect([plans.find("PRO")?.name, plans.find("Pro"), plans.next("free")?.name, plans.next("pro")]).toEqual([
      "pro",
      undefined,
      "pro",
      undefined,
    ]);
  });

  it("names the plan, the setting and the value of every mistake", () => {
    const tenant = (rule: object) => () => definePlans({ free: { rateLimit: { rules: { tenant: rule as never } } } });
    expect(tenant({ limit: 0, window: "15m" })).toThrow(/plan "free": rateLimit\.rules\.tenant\.limit: .*got 0/);
    expect(tenant({ limit: 1, window: "15y" })).toThrow(/rateLimit\.rules\.tenant\.window: .*"15y"/);
    expect(tenant({ limit: 1, window: 0.5 })).toThrow(/window/);
    expect(tenant({ limit: 1, window: "401d" })).toThrow(/window/);
    expect(tenant({ limit: 1, window: "1d", burst: 401 })).toThrow(/burst/);
    for (const limit of [Number.NaN, 2 ** 53, 1.5, -1, "5"]) expect(tenant({ limit, window: "1s" })).toThrow(/limit/);
    expect(tenant({ limit: 1, window: "1s", brst: 1 })).toThrow(/"brst"/);
    expect(() => definePlans({ free: { rateLimt: {} } as never })).toThrow(/"rateLimt"/);
    expect(() => definePlans({ free: { rateLimit: { rules: {} } } })).toThrow(/at least one rule/);
    expect(() => definePlans({ free: { rateLimit: { rules: { burst: { limit: 1, window: 1 } } } } })).toThrow(
      /rules\.burst\.by/,
    );
    expect(() => definePlans({})).toThrow(ConfigError);
    expect(() => definePlans({ "a b": {} })).toThrow(/"a b"/);
  });

  it("merges a tenant's overrides into its plan, and only there", () => {
    const own = plans.resolve("pro", { rateLimit: { rules: { tenant: { limit: 9000 } } } });
    expect(own.rateLimit?.rules[0]).toMatchObject({ limit: 9000, windowMs: 900_000, burst: 100 });
    expect(own.rateLimit?.groups["ai"]).toHaveLength(1);
    expect(plans.resolve("pro").rateLimit?.rules[0]?.limit).toBe(5000);
  });

  it("throws for overrides that make no valid plan, and for unknown names", () => {
    expect(() => plans.resolve("pro", { rateLimit: { rules: { tenant: { limit: -5 } } } })).toThrow(PlanError);
    for (const name of ["gold", "__proto__", "constructor", ""]) expect(() => plans.resolve(name)).toThrow(PlanError);
    const polluting = JSON.parse('{"__proto__":{"rateLimit":{}},"rateLimit":{"rules":{"__proto__":{"limit":1}}}}');
    expect(() => plans.resolve("pro", polluting)).toThrow(PlanError);
    expect(({} as Record<string, unknown>)["rateLimit"]).toBeUndefined();
  });
});

describe("saas4", () => {
  it("has the four tiers with their requests per 15 minutes", () => {
    const limits = saas4.names.map((name) => {
      const rule = saas4.resolve(name).rateLimit?.rules[0];
      return [name, rule?.by, rule?.limit, rule?.windowMs];
    });
    expect(limits).toEqual([
      ["free", "tenant", 500, 900_000],
      ["basic", "tenant", 2000, 900_000],
      ["professional", "tenant", 5000, 900_000],
      ["enterprise", "tenant", 20_000, 900_000],
    ]);
  });

  it("accepts both spellings in use", () => {
    const spellings = ["FREE", "Free", "BASIC", "Basic", "PROFESSIONAL", "Pro", "pro", "ENTERPRISE", "Enterprise"];
    expect(spellings.map((name) => saas4.find(name)?.name)).toEqual([
      "free",
      "free",
      "basic",
      "basic",
      "professional",
      "professional",
      "professional",
      "enterprise",
      "enterprise",
    ]);
  });
});
