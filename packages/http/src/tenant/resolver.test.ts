import { describe, expect, it } from "vitest";
import { createFacts } from "../testing/facts.js";
import { firstOf, fromHeader, type TenantResolver } from "./resolver.js";

describe("fromHeader", () => {
  it("returns the id, and undefined for an empty or absent header", () => {
    const resolve = fromHeader("X-Tenant-Id");
    expect(resolve(createFacts({ headers: { "x-tenant-id": "acme" } }))).toBe("acme");
    expect(resolve(createFacts({ headers: { "x-tenant-id": "" } }))).toBeUndefined();
    expect(resolve(createFacts())).toBeUndefined();
  });

  it.each(["", "x tenant", "x:tenant", "x\n"])("throws for the name %j at construction", (name) => {
    expect(() => fromHeader(name)).toThrow(`fromHeader: name: expected a header name, got ${JSON.stringify(name)}`);
  });
});

describe("firstOf", () => {
  const none: TenantResolver = async () => undefined;

  it("returns the first id and calls no further resolver", async () => {
    let asked = false;
    const late: TenantResolver = () => {
      asked = true;
      return "late";
    };
    expect(await firstOf(none, () => "acme", late)(createFacts())).toBe("acme");
    expect(asked).toBe(false);
    expect(await firstOf(none, none)(createFacts())).toBeUndefined();
    // An empty id is found, and wrong; the guard says so.
    expect(
      await firstOf(
        () => "",
        () => "fallback",
      )(createFacts()),
    ).toBe("");
  });

  it("stops at an error, which is not an absent id", async () => {
    const broken: TenantResolver = () => Promise.reject(new Error("bad token"));
    await expect(firstOf(broken, () => "fallback")(createFacts())).rejects.toThrow("bad token");
  });
});
