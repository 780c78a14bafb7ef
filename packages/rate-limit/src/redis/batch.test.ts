import { describe, expect, it } from "vitest";
import { decodeReply, type Pending } from "./batch.js";

const rule = { name: "tenant", by: "tenant", limit: 10, windowMs: 60_000, burst: 10 } as const;
const pending: Pending = {
  take: { tenantId: "acme", cost: 1, charges: [{ rule, scope: ["api", "tenant"], subject: "acme" }] },
  keys: ["k"],
  resolve: () => undefined,
  reject: () => undefined,
};

describe("decodeReply", () => {
  it("reads a decision and its standings", () => {
    expect(decodeReply([pending], [1, 9, 6_000_000])).toEqual([
      { allowed: true, standings: [{ remaining: 9, resetMs: 6000, retryAfterMs: 0 }] },
    ]);
  });

  it("takes a reply that does not fit for a failure, not for a denial", () => {
    for (const reply of [null, "OK", [], [1], [1, 9], [1, 9, 6, 1], ["1", "9", "6"], { 0: 1 }]) {
      expect(() => decodeReply([pending], reply)).toThrow("Redis answered something else than was asked");
    }
  });
});
