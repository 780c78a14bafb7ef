import { isScaleError, StoreError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { createFacts } from "../testing/facts.js";
import { fromClaim } from "./claim.js";

const bearing = (authorization: string) => createFacts({ headers: { authorization } });
const claims = (value: object) => fromClaim({ verify: () => value, claim: "org" })(bearing("Bearer abc"));

async function codeOf(work: unknown): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isScaleError(error)) return error.code;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("fromClaim", () => {
  it("returns the claim of a synchronous and of an asynchronous verify", async () => {
    expect(await claims({ org: "acme" })).toBe("acme");
    expect(await fromClaim({ verify: async () => ({ org: "acme" }), claim: "org" })(bearing("bearer  abc"))).toBe(
      "acme",
    );
  });

  it("passes the token and the facts to verify", async () => {
    const facts = bearing("Bearer a.b-c_d~e+f/g==");
    const seen: unknown[] = [];
    const verify = (...args: unknown[]) => {
      seen.push(...args);
      return { org: "acme" };
    };
    await fromClaim({ verify, claim: "org" })(facts);
    expect(seen).toEqual(["a.b-c_d~e+f/g==", facts]);
  });

  it("returns undefined without a bearer token, and does not call verify", async () => {
    const verify = () => {
      throw new Error("called");
    };
    expect(await fromClaim({ verify, claim: "org" })(createFacts())).toBeUndefined();
    expect(await fromClaim({ verify, claim: "org" })(bearing("Basic YTpi"))).toBeUndefined();
  });

  it.each(["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \u00e4", "Bearer a, Bearer b"])(
    "throws for the header %j, which is not an absent token",
    async (header) => {
      expect(await codeOf(fromClaim({ verify: () => ({ org: "acme" }), claim: "org" })(bearing(header)))).toBe(
        "SCALE_CREDENTIAL",
      );
    },
  );

  it.each([
    () => Promise.reject(new Error("expired")),
    () => {
      throw new Error("expired");
    },
  ])("wraps an error of verify in SCALE_CREDENTIAL with its cause", async (verify) => {
    const result = fromClaim({ verify, claim: "org" })(bearing("Bearer abc"));
    await expect(result).rejects.toMatchObject({ code: "SCALE_CREDENTIAL", cause: { message: "expired" } });
    await expect(result).rejects.not.toThrow("expired");
  });

  it("rethrows a store error of verify unchanged", async () => {
    const verify = () => Promise.reject(new StoreError("sessions"));
    expect(await codeOf(fromClaim({ verify, claim: "org" })(bearing("Bearer abc")))).toBe("SCALE_STORE");
  });

  it.each([
    {},
    { org: 7 },
    { org: "" },
    { org: null },
    { org: ["acme"] },
    Object.create({ org: "inherited" }) as object,
  ])("throws for a claim that is not a non-empty string: %j", async (value) => {
    expect(await codeOf(claims(value))).toBe("SCALE_TENANT");
  });

  it("throws for a verify without claims", async () => {
    const verify = JSON.parse.bind(undefined, "null") as () => object;
    expect(await codeOf(fromClaim({ verify, claim: "org" })(bearing("Bearer abc")))).toBe("SCALE_CREDENTIAL");
  });

  it("verifies once per request for all claims", async () => {
    let calls = 0;
    const verify = async () => {
      calls += 1;
      return { org: "acme", sub: `user ${calls}` };
    };
    const org = fromClaim({ verify, claim: "org" });
    const sub = fromClaim({ verify, claim: "sub" });
    const facts = bearing("Bearer abc");
    expect(await Promise.all([org(facts), sub(facts), sub(bearing("Bearer abc"))])).toEqual([
      "acme",
      "user 1",
      "user 2",
    ]);
    expect(calls).toBe(2);
  });
});
