import { describe, expect, it } from "vitest";
import { explain } from "./explain.js";
import type { Decision, LimitStatus } from "../types.js";

const tenant: LimitStatus = {
  name: "tenant",
  limit: 500,
  burst: 500,
  windowMs: 900_000,
  algorithm: "gcra",
  shadow: false,
  remaining: 0,
  resetMs: 900_000,
  retryAfterMs: 30_000,
};

const denial = (limits: readonly LimitStatus[], cost = 1): Decision => ({
  allowed: false,
  decidedBy: "store",
  plan: "free",
  group: undefined,
  cost,
  limits: [{ ...tenant, name: "other", limit: 7, retryAfterMs: 0 }, ...limits],
  violated: limits.map(({ name }) => name),
  shadowed: [],
  retryAfterMs: Math.max(...limits.map(({ retryAfterMs }) => retryAfterMs)),
});

describe("explain", () => {
  it("names the limit, the retry time, and the limit of the next plan", () => {
    const upgrade = { from: "free", to: "basic", limits: [{ name: "tenant", limit: 2000, windowMs: 900_000 }] };
    expect(explain(denial([tenant]), upgrade)).toBe(
      "The limit of 500 requests per 15 minutes is reached. Try again in 30 seconds. " +
        "The plan basic allows 2,000 per 15 minutes.",
    );
    expect(explain(denial([tenant]), { ...upgrade, limits: [] })).toMatch(
      /seconds\. The plan basic has no such limit\.$/,
    );
  });

  it("names the rule with the longest wait", () => {
    const user = { ...tenant, name: "user", limit: 1, windowMs: 60_000, retryAfterMs: 60_000 };
    expect(explain(denial([tenant, user]))).toBe(
      "The limit of 1 request per minute is reached. Try again in 60 seconds.",
    );
  });

  it("describes slots as requests at the same time", () => {
    const jobs: LimitStatus = { ...tenant, name: "jobs", limit: 4, algorithm: "concurrency", retryAfterMs: 1000 };
    const upgrade = { from: "free", to: "pro", limits: [{ name: "jobs", limit: 8 }] };
    expect(explain(denial([jobs]), upgrade)).toBe(
      "The limit of 4 requests at the same time is reached. Try again in 1 second. The plan pro allows 8 at the same time.",
    );
  });

  it("gives no retry time for a cost that never fits", () => {
    expect(explain(denial([{ ...tenant, retryAfterMs: Infinity }], 1200))).toBe(
      "This request counts as 1,200, which is more than the limit of 500 per 15 minutes ever admits at once.",
    );
  });

  it.each([
    [1, "1 second"],
    [1500, "2 seconds"],
    [119_000, "119 seconds"],
    [120_001, "3 minutes"],
    [7_200_000, "2 hours"],
    [172_800_001, "3 days"],
  ])("writes %i ms as %s, rounded up", (retryAfterMs, text) => {
    expect(explain(denial([{ ...tenant, retryAfterMs }]))).toContain(`Try again in ${text}.`);
  });

  it.each([
    [1, "per millisecond"],
    [1500, "per 1,500 milliseconds"],
    [90_000, "per 90 seconds"],
    [3_600_000, "per hour"],
    [2_592_000_000, "per 30 days"],
  ])("writes a window of %i ms as %s", (windowMs, text) => {
    expect(explain(denial([{ ...tenant, windowMs }]))).toContain(`requests ${text} is`);
  });
});
