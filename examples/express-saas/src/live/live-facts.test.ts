import { createBreaker } from "@scale/breaker";
import { createCache } from "@scale/cache";
import { redisStall } from "@scale/core/redis";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import type { RouterHealth } from "@scale/db-router";
import { bool, createFlags, defineFlags } from "@scale/flags";
import { type Decision, requestDecide, storeFail } from "@scale/rate-limit";
import { createShedder } from "@scale/shed";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plans } from "../scale.plan.js";
import { createLiveFacts, type LiveFacts } from "./live-facts.js";
import type { ResilienceSources } from "./resilience-metrics.js";

const router = {
  name: "crm",
  health: (): RouterHealth => {
    const state = { isWritable: true, isReadable: true, primary: "primary", systemId: "7", timeline: 1 };
    return { name: "crm", ...state, nodes: [] };
  },
};

const resilience: ResilienceSources = {
  rates: { client: { breaker: createBreaker({ name: "rates" }) }, service: { isStuck: false } },
  flags: createFlags({ flags: defineFlags({ exports: bool({ default: true }), warming: bool({ default: true }) }) }),
  shedder: createShedder({ eventLoopDelayMs: false }),
};

describe("createLiveFacts", () => {
  let clock: ManualClock;
  let ready: boolean;
  let facts: LiveFacts;
  beforeEach(() => {
    clock = createManualClock();
    ready = true;
    facts = createLiveFacts({
      plans,
      limitStore: { is: "redis", isReady: () => ready },
      cache: createCache({ clock }),
      router,
      resilience,
      clock,
    });
  });
  afterEach(() => facts.stop());

  function decide(tenantId: string, decision: Partial<Decision> = {}): void {
    const rest = { decidedBy: "store", plan: "free", cost: 1, group: undefined, retryAfterMs: 0 } as const;
    const full = { allowed: true, ...rest, limits: [], violated: [], shadowed: [], ...decision };
    requestDecide.publish(() => ({ limiter: "api", tenantId, group: full.group, decision: full }));
  }

  it("counts decisions by tenant, plan, rule and decider", () => {
    decide("a");
    decide("a", { allowed: false, violated: ["tenant-second", "user"] });
    decide("b", { plan: "basic", decidedBy: "local" });
    storeFail.publish(() => ({ limiter: "api", tenantId: "b", error: new Error("no") }));
    const data = facts.read();
    expect(data.decisions).toEqual({ admitted: 2, denied: 1, totalAdmitted: 2, totalDenied: 1 });
    expect(data.tenants.map(({ tenantId, plan, admitted, denied }) => [tenantId, plan, admitted, denied])).toEqual([
      ["a", "free", 1, 1],
      ["b", "basic", 1, 0],
    ]);
    expect(data.plans.map(({ plan, admitted, denied }) => [plan, admitted, denied])).toEqual([
      ["free", 1, 1],
      ["basic", 1, 0],
      ["professional", 0, 0],
      ["enterprise", 0, 0],
    ]);
    expect(data.rules.map(({ rule, denied }) => [rule, denied.last])).toEqual([
      ["tenant", 0],
      ["user", 1],
      ["tenant-second", 1],
      ["search.tenant", 0],
      ["export.tenant", 0],
      ["export.running", 0],
    ]);
    expect(data.decidedBy.map(({ by, decisions }) => [by, decisions.total])).toEqual([
      ["store", 2],
      ["lease", 0],
      ["denial-cache", 0],
      ["local", 1],
      ["policy", 0],
      ["unlimited", 0],
    ]);
    expect(data.storeFailures).toEqual({ last: 1, total: 1 });
  });

  it("counts a request once, even when a group decides on it too", () => {
    decide("a");
    decide("a", { group: "search", decidedBy: "lease" });
    decide("a", { group: "export", allowed: false, violated: ["export.running"] });
    const data = facts.read();
    expect(data.decisions).toMatchObject({ totalAdmitted: 1, totalDenied: 0 });
    expect(data.decidedBy.map(({ decisions }) => decisions.total)).toEqual([2, 1, 0, 0, 0, 0]);
    expect(data.rules.find(({ rule }) => rule === "export.running")?.denied.total).toBe(1);
  });

  it("reports the limits of a plan and of its groups", () => {
    const [free] = facts.read().plans;
    expect(free?.limits).toEqual([
      { limit: 500, windowMs: 900_000 },
      { limit: 3, windowMs: 1000 },
    ]);
    expect(free?.groups).toContainEqual({
      group: "export",
      limits: [
        { limit: 3, windowMs: 60_000 },
        { limit: 2, windowMs: null },
      ],
    });
  });

  it("drops counts after 60 seconds, except totals", () => {
    decide("a");
    facts.recordResponse(500);
    clock.advance(60_000);
    const data = facts.read();
    expect(data.decisions).toEqual({ admitted: 0, denied: 0, totalAdmitted: 1, totalDenied: 0 });
    expect(data.errors).toEqual({ last: 0, total: 1 });
  });

  it("counts only 5xx responses as errors", () => {
    for (const status of [200, 400, 403, 404, 429, 499, 500, 503]) facts.recordResponse(status);
    expect(facts.read().errors.total).toBe(2);
  });

  it("shows the 20 tenants with the most requests, and counts all others in the sums", () => {
    for (let n = 0; n < 1500; n++) decide(`tenant-${n}`);
    decide("tenant-7", { allowed: false });
    decide("tenant-1400");
    decide("tenant-1400");
    const data = facts.read();
    expect(data.tenants).toHaveLength(20);
    // A thousand tenants have a row. Tenant 1400 has more requests, but came after the limit.
    expect(data.tenants[0]).toMatchObject({ tenantId: "tenant-7", admitted: 1, denied: 1 });
    expect(data.plans[0]).toMatchObject({ admitted: 1502, denied: 1 });
  });

  it("reports the state of Redis", () => {
    expect(facts.read().limitStore).toEqual({ is: "redis", state: "connected" });
    redisStall.publish(() => ({ lane: "", stalled: true }));
    expect(facts.read().limitStore).toEqual({ is: "redis", state: "stalled" });
    ready = false;
    expect(facts.read().limitStore).toEqual({ is: "redis", state: "disconnected" });
    ready = true;
    // A second lane detects the stall later and the recovery sooner.
    redisStall.publish(() => ({ lane: "", stalled: true }));
    redisStall.publish(() => ({ lane: "", stalled: false }));
    expect(facts.read().limitStore).toEqual({ is: "redis", state: "stalled" });
    redisStall.publish(() => ({ lane: "", stalled: false }));
    expect(facts.read().limitStore).toEqual({ is: "redis", state: "connected" });
  });

  it("counts nothing after it was stopped", () => {
    facts.stop();
    decide("a");
    expect(facts.read().decisions.totalAdmitted).toBe(0);
  });
});
