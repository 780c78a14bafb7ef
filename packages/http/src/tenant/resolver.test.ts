import { describe, expect, it } from "vitest";
import { createFacts } from "../testing/facts.js";
import { fromClaim } from "./claim.js";
import { fromParam } from "./param.js";
import { fromPath } from "./path.js";
import { authenticated, firstOf, fromHeader } from "./resolver.js";
import type { TenantResolver } from "./source.js";

describe("fromHeader", () => {
  it("returns the id, and undefined for an empty or absent header", () => {
    const resolve = fromHeader("X-Tenant-Id");
    expect(resolve(createFacts({ headers: { "x-tenant-id": "acme" } }))).toBe("acme");
    expect(resolve(createFacts({ headers: { "x-tenant-id": "" } }))).toBeUndefined();
    expect(resolve(createFacts())).toBeUndefined();
  });

  it("decodes UTF-8, so that an id is the same in a header and in a path", () => {
    const resolve = fromHeader("x-tenant-id");
    const found = (value: string) => resolve(createFacts({ headers: { "x-tenant-id": value } }));
    for (const id of [
      "caf\u00e9",
      "\u043a\u043e\u043c\u043f\u0430\u043d\u0438\u044f",
      "\u682a\u5f0f\u4f1a\u793e",
      "a\u{1f680}b",
    ]) {
      // As Node and fetch pass a header: one character per byte.
      expect(found(Buffer.from(id, "utf8").toString("latin1"))).toBe(id);
      expect(fromPath({ prefix: "/t" })(createFacts({ url: `/t/${encodeURIComponent(id)}` }))).toBe(id);
    }
  });

  it("keeps a value that is not UTF-8, or that the runtime has decoded", () => {
    const resolve = fromHeader("x-tenant-id");
    for (const value of ["caf\u00e9", "\u682a\u5f0f", "\u00ff\u00fe", "\u00c3"]) {
      expect(resolve(createFacts({ headers: { "x-tenant-id": value } }))).toBe(value);
    }
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
    expect(
      await firstOf(
        () => null,
        () => "acme",
      )(createFacts()),
    ).toBe("acme");
    // An empty id is found, and wrong; the guard says so.
    expect(
      await firstOf(
        () => "",
        () => "fallback",
      )(createFacts()),
    ).toBe("");
  });

  it("refuses a resolver whose ids clients can choose after one that is authenticated", () => {
    const token = fromClaim({ verify: () => ({ org: "acme" }), claim: "org" });
    const header = fromHeader("x-tenant-id");
    const wiring = expect.objectContaining({ code: "SCALE_WIRING", message: expect.stringContaining("resolvers.1") });
    for (const chosen of [header, fromPath({ prefix: "/t" }), fromParam("tenant"), () => "acme", firstOf(header)]) {
      expect(() => firstOf(token, chosen)).toThrow(wiring);
      expect(() => firstOf(authenticated(header), chosen)).toThrow(wiring);
      expect(() => firstOf(firstOf(token), chosen)).toThrow(wiring);
      expect(() => firstOf(chosen, header, token)).not.toThrow();
      expect(() => firstOf(token, authenticated(chosen))).not.toThrow();
    }
    expect(() => authenticated("x" as never)).toThrow("authenticated: resolver: expected a function");
  });

  it("stops at an error, which is not an absent id", async () => {
    const broken: TenantResolver = () => Promise.reject(new Error("bad token"));
    await expect(firstOf(broken, () => "fallback")(createFacts())).rejects.toThrow("bad token");
  });
});
