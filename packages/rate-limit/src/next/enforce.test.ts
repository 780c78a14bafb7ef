import { definePlans, saas4, StoreError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../memory/store.js";
import { createEnforce } from "./index.js";
import type { RateLimitStore } from "../types.js";
import { type SetupWarning, setupWarn } from "../setup-warnings.js";

const tenant = (limit: number) => ({ rateLimit: { rules: { tenant: { limit, window: "15m" } } } }) as const;
const plans = definePlans({ free: tenant(2), pro: tenant(4) }, { aliases: { PRO: "pro" } });
const request = (headers: Record<string, string> = {}) => new Request("http://localhost/contacts", { headers });
const store = () => memoryStore({ clock: createManualClock() });

describe("createEnforce", () => {
  it("decides by the tier of the call, on counts that all tiers share", async () => {
    const enforceRateLimit = createEnforce({ plans, store: store() });
    const allowed = async (tier: string) => (await enforceRateLimit(request(), "acme", "ann", tier)).allowed;
    expect([await allowed("free"), await allowed("free"), await allowed("free")]).toEqual([true, true, false]);
    expect([await allowed("pro"), await allowed("PRO"), await allowed("pro")]).toEqual([true, true, false]);
    expect((await enforceRateLimit(request(), "globex", undefined, "free")).allowed).toBe(true);
  });

  it("returns the response to a denial, and the headers for the caller's own response", async () => {
    const enforceRateLimit = createEnforce({ plans, store: store() });
    const first = await enforceRateLimit(request(), "acme", "ann", "free");
    expect(first.response).toBeUndefined();
    expect(first.headers).toEqual({ "RateLimit-Policy": '"tenant";q=2;w=900', RateLimit: '"tenant";r=1;t=450' });
    await enforceRateLimit(request(), "acme", "ann", "free");
    const { allowed, response } = await enforceRateLimit(request(), "acme", "ann", "free");
    expect([allowed, response?.status, response?.headers.get("retry-after")]).toEqual([false, 429, "450"]);
    expect(response?.headers.get("content-type")).toBe("application/problem+json");
    expect(await response?.json()).toMatchObject({ code: "SCALE_RATE_LIMITED", upgrade: { from: "free", to: "pro" } });
  });

  it("throws for a tier that is not a plan, and for an invalid store", async () => {
    const enforceRateLimit = createEnforce({ plans: saas4 });
    await expect(enforceRateLimit(request(), "acme", "ann", "gold")).rejects.toMatchObject({ code: "SCALE_PLAN" });
    expect(() => createEnforce({ plans, store: {} as RateLimitStore })).toThrow("store: expected a store");
  });

  it("replies 503 or admits when the store cannot answer, by the failure policy", async () => {
    const fails = () => Promise.reject(new StoreError("at 10.0.0.5"));
    const down: RateLimitStore = { consume: fails, refund: fails, reset: fails, release: fails };
    const thrown = await createEnforce({ plans, store: down })(request(), "acme", "ann", "free");
    expect([thrown.allowed, thrown.response?.status]).toEqual([false, 503]);
    expect(await thrown.response?.text()).not.toContain("10.0.0.5");
    const open = await createEnforce({ plans, store: down, whenStoreFails: "allow" })(request(), "acme", "ann", "pro");
    expect(open.allowed).toBe(true);
  });

  it("counts users and addresses when it can resolve them", async () => {
    const user = { limit: 1, window: "1m", whenSubjectMissing: "skip" } as const;
    const rules = { user, ip: { limit: 2, window: "1m" } } as const;
    const enforceRateLimit = createEnforce(
      { plans: definePlans({ free: { rateLimit: { rules } } }), store: store() },
      { ip: (facts) => facts.header("x-real-ip") },
    );
    const from = request({ "x-real-ip": "192.0.2.1" });
    const violated = async (userId?: string) => {
      const { response } = await enforceRateLimit(from.clone(), "acme", userId, "free");
      const body = (await response?.json()) as Record<string, unknown> | undefined;
      return body?.["violated-policies"];
    };
    expect([await violated("ann"), await violated("ann"), await violated("bob"), await violated()]).toEqual([
      undefined,
      ["user"],
      undefined,
      ["ip"],
    ]);
  });

  it("holds no slot that nothing would release, and causes no warning about a shared name", async () => {
    const warnings: SetupWarning[] = [];
    const stop = setupWarn.subscribe((warning) => warnings.push(warning));
    const rules = {
      tenant: { limit: 9, window: "1m" },
      jobs: { limit: 1, algorithm: "concurrency", by: "tenant" },
    } as const;
    const both = { free: { rateLimit: { rules } }, pro: { rateLimit: { rules } } };
    const enforceRateLimit = createEnforce({ plans: definePlans(both), store: store() });
    for (let i = 0; i < 3; i++) {
      expect((await enforceRateLimit(request(), "acme", "ann", "free")).allowed).toBe(true);
    }
    stop();
    expect(warnings).toEqual([]);
  });
});
