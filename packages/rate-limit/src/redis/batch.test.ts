import { describe, expect, it } from "vitest";
import { ruleOf } from "../testing/rule.js";
import { decodeReply, encodeBatch, type Pending } from "./batch.js";

const rule = ruleOf({ limit: 10, windowMs: 60_000 });
const pending: Pending = {
  take: { tenantId: "acme", cost: 1, charges: [{ rule, scope: ["api", "tenant"], subject: "acme" }] },
  resolve: () => undefined,
  reject: () => undefined,
};

describe("decodeReply", () => {
  it("reads a decision and its standings", () => {
    expect(
      decodeReply(
        [pending],
        encodeBatch([pending], () => "k"),
        [5000, 1, 2 ** 52 / 10],
      ),
    ).toEqual([{ allowed: true, atMs: 5, standings: [{ remaining: 9, resetMs: 6000, retryAfterMs: 0 }] }]);
  });

  it("takes a reply that does not fit for a failure, not for a denial", () => {
    for (const reply of [null, "OK", [], [1], [1, 1], [1, 1, 9, 6], ["1", "1", "9"], { 0: 1 }]) {
      expect(() =>
        decodeReply(
          [pending],
          encodeBatch([pending], () => "k"),
          reply,
        ),
      ).toThrow("Redis answered something else than was asked");
    }
  });
});
