import { StoreError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { createFacts } from "../testing/facts.js";
import { fromClaim } from "./claim.js";
import { tenantGuard, type TenantGuardOptions, type TenantRefusal, tenantRefuse } from "./guard.js";
import { fromPath } from "./path.js";
import { authenticated, firstOf, fromHeader } from "./resolver.js";

const resolve = fromHeader("x-tenant");
const acme = createFacts({ headers: { "x-tenant": "acme" } });

const headers = { "Cache-Control": "private", Vary: "x-tenant" };

describe("tenantGuard", () => {
  it("returns the tenant, and the user and address when resolvers are set", async () => {
    expect(await tenantGuard({ resolve })(acme)).toEqual({ headers, tenant: { tenantId: "acme" } });
    expect(await tenantGuard({ resolve, user: async () => "u1", ip: () => "192.0.2.1" })(acme)).toEqual({
      headers,
      tenant: { tenantId: "acme", userId: "u1", ip: "192.0.2.1" },
    });
    expect(await tenantGuard({ resolve, user: () => undefined, ip: () => undefined })(acme)).toEqual({
      headers,
      tenant: { tenantId: "acme" },
    });
  });

  it("waits for every resolver, and takes null for nothing", async () => {
    const guard = tenantGuard({ resolve: async () => "acme", user: async () => "ann", ip: async () => "192.0.2.1" });
    expect((await guard(acme)).tenant).toEqual({ tenantId: "acme", userId: "ann", ip: "192.0.2.1" });
    for (const none of [() => null, async () => null]) {
      expect((await tenantGuard({ resolve, user: none, ip: none })(acme)).tenant).toEqual({ tenantId: "acme" });
      expect((await tenantGuard({ resolve: none })(acme)).reply?.status).toBe(400);
    }
  });

  it.each(["resolve", "user", "ip"])("throws with the name of the option when %s returns no string", async (option) => {
    for (const wrong of [5, false, {}]) {
      for (const callback of [() => wrong, async () => wrong]) {
        const guard = tenantGuard({ resolve, [option]: callback as never });
        await expect(guard(acme)).rejects.toThrow(`tenantGuard: ${option}: expected a string or undefined, got `);
      }
    }
  });

  it("answers 400 without a tenant", async () => {
    const { reply, tenant } = await tenantGuard({ resolve })(createFacts());
    expect(tenant).toBeUndefined();
    expect(reply).toMatchObject({
      status: 400,
      headers: { "content-type": "application/problem+json" },
      body: { title: "Bad Request", detail: "expected a tenant, got none in this request", code: "SCALE_TENANT" },
    });
  });

  it.each([
    ["an id that is too long", { resolve: () => "x".repeat(1025) }],
    ["an empty id", { resolve: () => "" }],
    ["an id with NUL", { resolve: () => "a\0" }],
    ["an id with a lone surrogate", { resolve: () => "\ud800" }],
    ["a user with NUL", { resolve, user: () => "\0" }],
    ["an empty user", { resolve, user: () => "" }],
    ["a user that is too long", { resolve, user: () => "x".repeat(1025) }],
  ])("answers 400 for %s", async (_, options) => {
    expect((await tenantGuard(options)(acme)).reply?.body).toMatchObject({ code: "SCALE_TENANT", status: 400 });
  });

  it.each([
    "x".repeat(1024),
    "a:b",
    "*",
    "{}",
    "__proto__",
    "constructor",
    "\u0430cme",
    "\ud83d\ude80",
    "a\r\nb",
    "../..",
  ])("passes the hostile id %j unchanged", async (id) => {
    expect((await tenantGuard({ resolve: () => id })(acme)).tenant).toEqual({ tenantId: id });
  });

  it("names the headers that decide the tenant and the user, once and none that is in the URL", async () => {
    const claims = { verify: () => ({ org: "acme", sub: "ann" }) };
    const token = createFacts({ url: "/t/acme", headers: { authorization: "Bearer abc", "x-tenant": "acme" } });
    const vary = async (options: TenantGuardOptions) => (await tenantGuard(options)(token)).headers;
    const org = fromClaim({ ...claims, claim: "org" });
    expect(await vary({ resolve: org, user: fromClaim({ ...claims, claim: "sub" }) })).toEqual({
      "Cache-Control": "private",
      Vary: "Authorization",
    });
    expect(await vary({ resolve: firstOf(resolve, fromHeader("X-Tenant")), user: org })).toMatchObject({
      Vary: "X-Tenant, Authorization",
    });
    expect(await vary({ resolve: fromPath({ prefix: "/t" }) })).toEqual({ "Cache-Control": "private" });
    const session = authenticated(() => "acme", { vary: ["Cookie"] });
    expect(await vary({ resolve: session })).toMatchObject({ Vary: "Cookie" });
  });

  it("answers 401 for an invalid token, and never falls back to another resolver", async () => {
    const verify = () => Promise.reject(new Error("expired"));
    const guard = tenantGuard({ resolve: fromClaim({ verify, claim: "org" }) });
    const { reply, tenant } = await guard(
      createFacts({ headers: { authorization: "Bearer abc", "x-tenant": "acme" } }),
    );
    expect(tenant).toBeUndefined();
    expect(reply).toMatchObject({ status: 401, body: { code: "SCALE_CREDENTIAL" } });
  });

  it.each([new StoreError("lookup"), new Error("bug")])(
    "throws errors that are not the client's: %s",
    async (failure) => {
      await expect(tenantGuard({ resolve: () => Promise.reject(failure) })(acme)).rejects.toBe(failure);
    },
  );

  it("publishes each refusal with its cause", async () => {
    const seen: TenantRefusal[] = [];
    const stop = tenantRefuse.subscribe((refusal) => seen.push(refusal));
    const verify = () => Promise.reject(new Error("expired"));
    const guard = tenantGuard({ resolve: fromClaim({ verify, claim: "org" }) });
    await guard(createFacts({ headers: { authorization: "Bearer abc" } }));
    await tenantGuard({ resolve })(acme);
    stop();
    expect(seen).toMatchObject([{ status: 401, error: { code: "SCALE_CREDENTIAL", cause: { message: "expired" } } }]);
  });
});
