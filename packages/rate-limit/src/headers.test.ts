import { parseList } from "structured-headers";
import { describe, expect, it } from "vitest";
import { rateLimitHeaders } from "./headers.js";
import type { Decision } from "./types.js";

declare global {
  // The parser's types name this type of browsers, which Node's types do not have.
  type BufferSource = ArrayBufferView | ArrayBuffer;
}

const decision: Decision = {
  allowed: false,
  decidedBy: "store",
  plan: "free",
  cost: 1,
  limits: [
    { name: "tenant", limit: 2000, windowMs: 900_000, remaining: 1310, resetMs: 310_500, retryAfterMs: 0 },
    { name: "ai.user", limit: 60, windowMs: 60_000, remaining: 0, resetMs: 60_000, retryAfterMs: 1001 },
  ],
  violated: ["ai.user"],
  retryAfterMs: 1001,
};

describe("rateLimitHeaders", () => {
  it("writes structured fields that a parser reads back", () => {
    const headers = rateLimitHeaders(decision);
    const read = (name: string) =>
      parseList(headers[name] ?? "").map(([item, parameters]) => [item, Object.fromEntries(parameters)]);
    expect(read("RateLimit-Policy")).toEqual([
      ["tenant", { q: 2000, w: 900 }],
      ["ai.user", { q: 60, w: 60 }],
    ]);
    expect(read("RateLimit")).toEqual([
      ["tenant", { r: 1310, t: 311 }],
      ["ai.user", { r: 0, t: 2 }],
    ]);
  });

  it("rounds Retry-After up, never below a second, and leaves it out when waiting does not help", () => {
    const retryAfter = (retryAfterMs: number) => rateLimitHeaders({ ...decision, retryAfterMs })["Retry-After"];
    expect([retryAfter(1001), retryAfter(1000), retryAfter(1), retryAfter(Infinity)]).toEqual([
      "2",
      "1",
      "1",
      undefined,
    ]);
    expect(rateLimitHeaders({ ...decision, allowed: true })["Retry-After"]).toBeUndefined();
  });

  it("tells no limits that nobody asked for, when a policy decided", () => {
    expect(rateLimitHeaders({ ...decision, limits: [], decidedBy: "policy" })).toEqual({ "Retry-After": "2" });
  });
});
