import { describe, expect, it } from "vitest";
import { createFacts } from "../testing/facts.js";
import { fromParam } from "./param.js";

describe("fromParam", () => {
  const at = (params: Record<string, unknown>) => fromParam("tenant")(createFacts({ params }));

  it("returns the parameter as the router has decoded it, and undefined without one", async () => {
    expect(at({ tenant: "a/b" })).toBe("a/b");
    expect([at({}), at({ tenant: "" }), at({ other: "a" })]).toEqual([undefined, undefined, undefined]);
    expect(await at({ tenant: Promise.resolve("acme") })).toBe("acme");
    expect(fromParam("constructor")(createFacts())).toBeUndefined();
  });

  it("throws for a parameter that is not one string", async () => {
    expect(() => at({ tenant: ["a", "b"] })).toThrow(expect.objectContaining({ code: "SCALE_INPUT" }));
    await expect(at({ tenant: Promise.resolve(5) })).rejects.toMatchObject({ code: "SCALE_INPUT" });
    expect(() => fromParam("")).toThrow("fromParam: name");
  });
});
