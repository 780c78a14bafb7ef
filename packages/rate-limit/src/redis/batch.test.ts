import { describe, expect, it } from "vitest";
import { ruleOf } from "../testing/rule.js";
import { decodeReply, encodeBatch, type Pending } from "./batch.js";

const rule = ruleOf({ limit: 10, windowMs: 60_000 });
const pending: Pending = {
  consume: { tenantId: "acme", cost: 1, charges: [{ rule, scope: ["api", "tenant"], subject: "acme" }] },
  late: undefined,
  resolve: () => undefined,
  reject: () => undefined,
};

const keys = { of: () => "k", block: () => "b", mark: () => "m" };

describe("decodeReply", () => {
  it("reads a decision and its statuses", () => {
    expect(decodeReply([pending], encodeBatch([pending], keys), [5000, 1, 2 ** 52 / 10])).toEqual([
      { allowed: true, atMs: 5, statuses: [{ remaining: 9, resetMs: 6000, retryAfterMs: 0 }] },
    ]);
  });

  it("throws for a reply that does not fit, instead of denying", () => {
    for (const reply of [null, "OK", [], [1], [1, 1], [1, 1, 9, 6], ["1", "one", "9"], { 0: 1 }]) {
      expect(() => decodeReply([pending], encodeBatch([pending], keys), reply)).toThrow(
        "expected the reply of the rate limit script",
      );
    }
  });
});
