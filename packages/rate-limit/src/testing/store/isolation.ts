import type { RateLimitRule } from "@scale/core";
import { describe, expect, it } from "vitest";
import { request, charge, type Context, limitedTo, tenOf } from "./context.js";

/** Ids that have broken key building somewhere. */
// biome-ignore format: one id a line hides how they relate
const HOSTILE = [
  "a:b", "a", "b", "*", "?", "[a]",
  "{}", "{acme}", "}{", "~no-tenant", "3:abc",
  "\u0000", "a\u0000b", " ", "\n", "\\", "\r\n$3\r\n",
  "%", "%3a", "a%3ab",
  "Acme", "acme",
  "__proto__", "constructor", "hasOwnProperty",
  "\u00e4", "a\u0308", "\u0430",
  "\ud800", "\udc00", "\ufffd", "\u{1f4a5}",
  "x".repeat(1024),
];

/** Separation of the counts of different tenants, subjects and scopes. */
export function describeIsolation(context: Context, algorithm: RateLimitRule["algorithm"]): void {
  const one = limitedTo(tenOf(algorithm), 1);

  describe(`${algorithm} of others`, () => {
    it("keeps tenants and subjects apart, whatever their ids contain", async () => {
      for (const tenantId of HOSTILE) {
        for (const subject of HOSTILE) {
          const { allowed } = await context.store.consume({
            tenantId,
            cost: 1,
            charges: [charge(one, subject)],
            slot: "a",
          });
          expect({ tenantId, subject, allowed }).toEqual({ tenantId, subject, allowed: true });
        }
      }
      const again = { tenantId: "a", cost: 1, charges: [charge(one, "b")], slot: "b" };
      expect((await context.store.consume(again)).allowed).toBe(false);
    });

    it("separates scopes that join to the same string", async () => {
      for (const scope of [
        ["a", "b", "c"],
        ["a:b", "c"],
        ["a", "b:c"],
        ["a", "b", "", "c"],
      ]) {
        const { allowed } = await context.store.consume({ ...request(1, charge(one, "x", scope)), slot: "a" });
        expect({ scope, allowed }).toEqual({ scope, allowed: true });
      }
    });

    it("resets, refunds and releases nothing of another tenant", async () => {
      const charges = [charge(one, "shared")];
      const [mine, theirs] = ["acme", "other"].map((tenantId) => ({ tenantId, cost: 1, charges, slot: "a" }));
      if (mine === undefined || theirs === undefined) return;
      await context.store.consume(mine);
      const consumed = await context.store.consume(theirs);
      await context.store.refund({ tenantId: "other", units: 1, charges, consumed });
      if (algorithm === "concurrency") await context.store.release({ tenantId: "other", slot: "a", charges });
      await context.store.reset({ tenantId: "other", charges });
      expect((await context.store.consume({ ...mine, slot: "b" })).allowed).toBe(false);
    });
  });
}
