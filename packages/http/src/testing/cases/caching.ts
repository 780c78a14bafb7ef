import { expect, it } from "vitest";
import { chain } from "../../chain.js";
import { fromClaim } from "../../tenant/claim.js";
import { tenantGuard } from "../../tenant/guard.js";
import { fromHeader } from "../../tenant/resolver.js";
import type { AdapterFixture } from "../fixture.js";

const verify = (token: string): object => {
  if (token !== "good") throw new Error("unknown token");
  return { sub: "ann" };
};
const tenant = tenantGuard({ resolve: fromHeader("X-Tenant"), user: fromClaim({ verify, claim: "sub" }) });
const acme = { "x-tenant": "acme", authorization: "Bearer good" };

export function testCaching(fixture: AdapterFixture): void {
  it("tells shared caches what the response of a tenant depends on", async () => {
    fixture.guard = tenant;
    for (const path of ["/", "/redirect", "/stream"]) {
      const { headers } = await fixture.get(path, { headers: acme });
      expect(headers["cache-control"]).toBe("private");
      // A framework may add names of its own.
      expect(headers.vary).toMatch(/^X-Tenant, Authorization\b/);
    }
  });

  it("lets caches store no refusal, whatever its guard says", async () => {
    fixture.guard = tenant;
    for (const headers of [{}, { ...acme, authorization: "Bearer bad" }] as Record<string, string>[]) {
      const refused = await fixture.get("/", { headers });
      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect(refused.headers).toMatchObject({ "cache-control": "no-store", vary: "X-Tenant, Authorization" });
    }
    fixture.guard = chain(tenant, () => ({ reply: { status: 403, headers: {}, body: { no: true } } }));
    const { status, headers } = await fixture.get("/", { headers: acme });
    expect([status, headers["cache-control"]]).toEqual([403, "no-store"]);
    fixture.guard = tenant;
    expect((await fixture.get("/error/input", { headers: acme })).headers["cache-control"]).toBe("no-store");
  });
}
