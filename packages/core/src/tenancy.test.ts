import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { TenantError } from "./errors.js";
import { parseTenantId, tenancy } from "./tenancy.js";

describe("tenancy", () => {
  it("has no tenant outside of run, and throws when one is required", () => {
    expect(tenancy.current()).toBeUndefined();
    expect(() => tenancy.require()).toThrow(TenantError);
    expect(() => tenancy.require()).toThrow("expected a tenant, got none: run this work inside tenancy.run()");
  });

  it("never mixes 200 tenants that interleave", async () => {
    const work = async (): Promise<string[]> => {
      const seen: string[] = [];
      for (let i = 0; i < 10; i++) {
        await turn();
        seen.push(tenancy.require().tenantId);
        await Promise.resolve().then(() => seen.push(tenancy.require().tenantId));
      }
      return seen;
    };
    const ids = Array.from({ length: 200 }, (_, i) => `tenant-${i}`);
    const seen = await Promise.all(ids.map((tenantId) => tenancy.run({ tenantId }, work)));
    expect(seen.map((list) => [...new Set(list)])).toEqual(ids.map((id) => [id]));
  });

  it("is one context for every copy of the library", () => {
    const slot = Symbol.for("@scale/tenancy");
    const other = (globalThis as { [slot]?: { getStore(): unknown } })[slot];
    tenancy.run({ tenantId: "acme" }, () => expect(other?.getStore()).toEqual({ tenantId: "acme" }));
  });

  it("keeps the checked tenant when the caller changes the object afterwards", async () => {
    const context = { tenantId: "acme" };
    const work = tenancy.run(context, async () => {
      await turn();
      return tenancy.require();
    });
    context.tenantId = "globex";
    const seen = await work;
    expect(seen).toEqual({ tenantId: "acme" });
    expect(Object.isFrozen(seen)).toBe(true);
    expect(() => tenancy.run(undefined as never, () => 1)).toThrow(TenantError);
  });

  it("takes a user or an address of null for none", () => {
    const row = { tenantId: "acme", userId: null, ip: null } as never;
    expect(tenancy.run(row, () => tenancy.require())).toEqual({ tenantId: "acme" });
  });

  it("throws for an invalid user id or address", () => {
    expect(() => tenancy.run({ tenantId: "acme", userId: "" }, () => 1)).toThrow(/userId: expected a string.*got ""/);
    expect(() => tenancy.run({ tenantId: "acme", ip: "" }, () => 1)).toThrow(/ip: expected a string.*got ""/);
  });
});

describe("parseTenantId", () => {
  it("accepts any string of 1 to 1,024 characters that every backend stores as it is", () => {
    for (const id of ["a", "a:b", "*", "{}", "\u0001", "__proto__", "\ud83d\ude80", "x".repeat(1024)])
      expect(parseTenantId(id)).toBe(id);
  });

  it("throws for everything else, with a code and the value", () => {
    const lone = ["\ud800", "a\udc00", "\ud800\ud800\udc00", "\udc00\ud800"];
    for (const id of ["", "x".repeat(1025), undefined, null, 5, {}, ["acme"], "a\0b", "\0", ...lone]) {
      expect(() => parseTenantId(id)).toThrow(TenantError);
      expect(() => tenancy.run({ tenantId: "acme", userId: (id ?? "") as string }, () => 1)).toThrow(TenantError);
    }
    expect(() => parseTenantId(5)).toThrow(
      expect.objectContaining({
        code: "SCALE_TENANT",
        status: 400,
        message: "tenantId: expected a string of 1 to 1024 characters without NUL and lone surrogates, got 5",
      }),
    );
  });
});
