import { tenancy } from "@scale/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chain } from "./chain.js";
import { problem } from "./problem.js";
import { createFacts } from "./testing/facts.js";
import type { HttpGuard, Verdict } from "./types.js";

fc.configureGlobal({ seed: 20_261_120 });

const gives =
  (verdict: Verdict): HttpGuard =>
  () =>
    verdict;
const denial = problem({ title: "No", status: 403 });

describe("chain", () => {
  it("passes a request that no guard denies, with the headers of all guards", async () => {
    expect(await chain()(createFacts())).toEqual({});
    expect(await chain(gives({ headers: { a: "1" } }), gives({ headers: { b: "2", A: "3" } }))(createFacts())).toEqual({
      headers: { A: "3", b: "2" },
    });
  });

  it("runs no guard after the first reply", async () => {
    let asked = 0;
    const late: HttpGuard = () => {
      asked += 1;
      return {};
    };
    const verdict = await chain(gives({ headers: { a: "1" } }), gives({ reply: denial }), late)(createFacts());
    expect(verdict).toEqual({ headers: { a: "1" }, reply: denial });
    expect(asked).toBe(0);
  });

  it("runs later guards for the tenant of an earlier one, and returns it", async () => {
    const seen: (string | undefined)[] = [];
    const look: HttpGuard = async () => {
      seen.push(tenancy.current()?.tenantId);
      await Promise.resolve();
      seen.push(tenancy.current()?.tenantId);
      return {};
    };
    const acme = { tenantId: "acme" };
    const other = { tenantId: "other" };
    const verdict = await chain(look, gives({ tenant: acme }), look, gives({ tenant: other }), look)(createFacts());
    expect(seen).toEqual([undefined, undefined, "acme", "acme", "other", "other"]);
    expect(verdict.tenant).toBe(other);
    expect(tenancy.current()).toBeUndefined();
  });

  it("returns the tenant also when a later guard denies", async () => {
    const verdict = await chain(gives({ tenant: { tenantId: "acme" } }), gives({ reply: denial }))(createFacts());
    expect(verdict.tenant).toEqual({ tenantId: "acme" });
  });

  it("throws the error of a guard, and runs no further guard", async () => {
    let asked = false;
    const broken: HttpGuard = () => Promise.reject(new Error("broken"));
    const late: HttpGuard = () => {
      asked = true;
      return {};
    };
    await expect(chain(broken, late)(createFacts())).rejects.toThrow("broken");
    expect(asked).toBe(false);
  });

  it("returns the same verdict for every grouping of guards", async () => {
    const verdict: fc.Arbitrary<Verdict> = fc.record(
      {
        headers: fc.dictionary(
          fc.constantFrom("vary", "Vary", "a", "A", "RateLimit"),
          fc.stringMatching(/^[a-z]{0,3}$/),
        ),
        reply: fc.constantFrom(denial, problem({ title: "Busy", status: 429 })),
        tenant: fc.constantFrom({ tenantId: "acme" }, { tenantId: "other" }),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(verdict, { maxLength: 5 }), fc.nat(5), async (verdicts, at) => {
        const guards = verdicts.map(gives);
        const flat = await chain(...guards)(createFacts());
        const grouped = await chain(chain(...guards.slice(0, at)), chain(...guards.slice(at)))(createFacts());
        expect({ headers: {}, ...grouped }).toEqual({ headers: {}, ...flat });
      }),
    );
  });
});
