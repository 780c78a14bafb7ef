import { parseDictionary, parseList } from "structured-headers";
import { describe, expect, it } from "vitest";
import { type HeaderForm, rateLimitHeaders } from "./headers.js";
import type { Decision, LimitStatus } from "../types.js";

declare global {
  // The parser's types name this type of browsers, which Node's types do not have.
  type BufferSource = ArrayBufferView | ArrayBuffer;
}

const NOW = 1_700_000_000_001;

const tenant: LimitStatus = {
  name: "tenant",
  limit: 2000,
  burst: 2000,
  windowMs: 900_000,
  algorithm: "gcra",
  shadow: false,
  remaining: 1310,
  resetMs: 310_500,
  retryAfterMs: 0,
};
const user: LimitStatus = {
  ...tenant,
  name: "ai.user",
  limit: 60,
  burst: 60,
  windowMs: 60_000,
  remaining: 9,
  resetMs: 51_000,
};
const refused: LimitStatus = { ...user, remaining: 0, resetMs: 60_000, retryAfterMs: 1001 };
const slots: LimitStatus = {
  ...tenant,
  name: "jobs",
  algorithm: "concurrency",
  limit: 4,
  burst: 4,
  remaining: 3,
  resetMs: 55_000,
};

function decided(limits: readonly LimitStatus[], violated: readonly string[] = []): Decision {
  const waits = limits.filter(({ name }) => violated.includes(name)).map(({ retryAfterMs }) => retryAfterMs);
  return {
    allowed: violated.length === 0,
    decidedBy: "store",
    plan: "free",
    group: undefined,
    cost: 1,
    limits,
    violated,
    shadowed: [],
    retryAfterMs: Math.max(0, ...waits),
  };
}

const headersOf = (decision: Decision, ...forms: HeaderForm[]) =>
  rateLimitHeaders(decision, forms, { nowMs: NOW, policyOf: (rule) => rule });
const read = (field: string | undefined) =>
  parseList(field ?? "").map(([item, parameters]) => [item, Object.fromEntries(parameters)]);

describe("rateLimitHeaders: draft-10", () => {
  it("writes structured fields that a parser reads back", () => {
    const headers = headersOf(decided([tenant, user]), "draft-10");
    expect(read(headers["RateLimit-Policy"])).toEqual([
      ["tenant", { q: 2000, w: 900 }],
      ["ai.user", { q: 60, w: 60 }],
    ]);
    expect(read(headers["RateLimit"])).toEqual([
      ["tenant", { r: 1310, t: 311 }],
      ["ai.user", { r: 9, t: 51 }],
    ]);
    expect(headers["Retry-After"]).toBeUndefined();
  });

  it("reports on a denial when the refusing rules would admit, and no time later than Retry-After", () => {
    const upload = { ...user, name: "upload", remaining: 2, resetMs: 90_000, retryAfterMs: 7200 };
    const headers = headersOf(decided([tenant, refused, upload], ["ai.user", "upload"]), "draft-10");
    expect(read(headers["RateLimit"])).toEqual([
      ["tenant", { r: 1310 }],
      ["ai.user", { r: 0, t: 2 }],
      ["upload", { r: 2, t: 8 }],
    ]);
    expect(headers["Retry-After"]).toBe("8");
  });

  it("reports slots in their own unit, without a window", () => {
    const headers = headersOf(decided([slots]), "draft-10");
    expect(headers["RateLimit-Policy"]).toBe('"jobs";q=4;qu="concurrent-requests"');
    expect(headers["RateLimit"]).toBe('"jobs";r=3');
    const none = headersOf(decided([{ ...slots, remaining: 0, retryAfterMs: 1 }], ["jobs"]), "draft-10");
    expect([none["RateLimit"], none["Retry-After"]]).toEqual(['"jobs";r=0;t=1', "1"]);
  });

  it.each([
    ["a burst below the limit", 50, 49, { q: 50, w: 10 }, "50;w=10", "limit=50, remaining=49, reset=1"],
    ["a burst above the limit", 600, 599, { q: 600, w: 120 }, "600;w=120", "limit=600, remaining=599, reset=1"],
    ["a burst that fills within a second", 1, 0, { q: 1, w: 1 }, "1;w=1", "limit=1, remaining=0, reset=1"],
  ])("adds up for %s: one unit was used, and nothing above the quota remains", (_, burst, remaining, ...fields) => {
    const [policy, policy7, state7] = fields;
    const minute = { ...tenant, limit: 300, burst, windowMs: 60_000, remaining, resetMs: 200 };
    const headers = headersOf(decided([minute]), "draft-10");
    expect(read(headers["RateLimit-Policy"])).toEqual([["tenant", policy]]);
    expect(read(headers["RateLimit"])).toEqual([["tenant", { r: remaining, t: 1 }]]);
    expect(policy.q - remaining).toBe(1);
    expect(headersOf(decided([minute]), "draft-7")).toEqual({ "RateLimit-Policy": policy7, RateLimit: state7 });
    expect(headersOf(decided([minute]), "draft-6")).toMatchObject({
      "RateLimit-Limit": String(burst),
      "RateLimit-Remaining": String(remaining),
    });
    expect(headersOf(decided([minute]), "legacy")).toMatchObject({
      "X-RateLimit-Limit": String(burst),
      "X-RateLimit-Remaining": String(remaining),
    });
  });

  it("leaves out a rule in shadow", () => {
    const shadow = { ...refused, shadow: true };
    expect(headersOf(decided([shadow, tenant]), "draft-10")["RateLimit"]).toBe('"tenant";r=1310;t=311');
    expect(headersOf(decided([shadow]), "draft-10", "legacy")).toEqual({});
  });

  it("writes any name and number as a valid field, and rounds windows up", () => {
    const odd = {
      ...tenant,
      name: 'a"b\\c\u00e9\n',
      limit: Number.MAX_SAFE_INTEGER,
      burst: Number.MAX_SAFE_INTEGER,
      windowMs: 1400,
    };
    const headers = headersOf(decided([odd]), "draft-10");
    expect(read(headers["RateLimit-Policy"])).toEqual([['a"b\\c??', { q: 999_999_999_999_999, w: 2 }]]);
    expect(read(headers["RateLimit"])).toEqual([['a"b\\c??', { r: 1310, t: 311 }]]);
    expect(headersOf(decided([{ ...tenant, windowMs: 5 }]), "draft-10")["RateLimit-Policy"]).toBe(
      '"tenant";q=2000;w=1',
    );
  });
});

describe("rateLimitHeaders: older forms", () => {
  it("reports the rule with the smallest remaining share", () => {
    const headers = headersOf(decided([tenant, user, slots]), "draft-7");
    expect(headers).toEqual({ "RateLimit-Policy": "60;w=60", RateLimit: "limit=60, remaining=9, reset=51" });
    const dictionary = parseDictionary(headers["RateLimit"] ?? "");
    expect([...dictionary].map(([name, [value]]) => [name, value])).toEqual([
      ["limit", 60],
      ["remaining", 9],
      ["reset", 51],
    ]);
    expect(headersOf(decided([tenant, user]), "draft-6")).toEqual({
      "RateLimit-Policy": "60;w=60",
      "RateLimit-Limit": "60",
      "RateLimit-Remaining": "9",
      "RateLimit-Reset": "51",
    });
  });

  it("writes the time of the reset in X-RateLimit-Reset", () => {
    expect(headersOf(decided([user]), "legacy")).toEqual({
      "X-RateLimit-Limit": "60",
      "X-RateLimit-Remaining": "9",
      "X-RateLimit-Reset": "1700000052",
    });
  });

  it("reports on a denial the rule with the longest wait", () => {
    const long = { ...tenant, remaining: 2, resetMs: 900_000, retryAfterMs: 3000 };
    const headers = headersOf(decided([refused, long], ["ai.user", "tenant"]), "draft-7");
    expect(headers["RateLimit"]).toBe("limit=2000, remaining=2, reset=3");
    expect(headers["Retry-After"]).toBe("3");
  });

  it("reports slots only when there is no other rule, without a window", () => {
    expect(headersOf(decided([slots]), "draft-7")).toEqual({ RateLimit: "limit=4, remaining=3, reset=55" });
    const none = { ...slots, remaining: 0, retryAfterMs: 900 };
    expect(headersOf(decided([tenant, none], ["jobs"]), "draft-6")).toEqual({
      "RateLimit-Limit": "4",
      "RateLimit-Remaining": "0",
      "RateLimit-Reset": "1",
      "Retry-After": "1",
    });
  });
});

describe("rateLimitHeaders: Retry-After", () => {
  it("is rounded up to at least a second, and absent when waiting does not help", () => {
    const retryAfter = (retryAfterMs: number) =>
      headersOf(decided([{ ...refused, retryAfterMs }], ["ai.user"]), "draft-10")["Retry-After"];
    expect([retryAfter(1001), retryAfter(1000), retryAfter(1), retryAfter(Infinity)]).toEqual([
      "2",
      "1",
      "1",
      undefined,
    ]);
  });

  it("reports no limits for a decision by failure policy", () => {
    const decision: Decision = { ...decided([]), allowed: false, decidedBy: "policy", retryAfterMs: 1000 };
    expect(headersOf(decision, "draft-10", "legacy")).toEqual({ "Retry-After": "1" });
    expect(headersOf(decision, "draft-7")).toEqual({ "Retry-After": "1" });
    expect(headersOf(decision, "draft-6")).toEqual({ "Retry-After": "1" });
  });
});
