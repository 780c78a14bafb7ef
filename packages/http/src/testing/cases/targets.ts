import { expect, it } from "vitest";
import { fromParam } from "../../tenant/param.js";
import { fromPath } from "../../tenant/path.js";
import { tenantGuard } from "../../tenant/guard.js";
import type { TenantResolver } from "../../tenant/source.js";
import { sendTarget } from "../client.js";
import type { AdapterFixture } from "../fixture.js";
import type { OrdersSeen } from "../routes.js";

/** Targets that parsers read in different ways, and some that they do not. */
const TARGETS: readonly string[] = [
  "/t/acme/orders",
  "/t/%61cme/orders",
  "/t/a%2Fb/orders",
  "/t/acme/orders?next=/t/victim/orders",
  "/t/acme/../victim/orders",
  "/t/acme/%2e%2e/victim/orders",
  "/t/acme/.%2E/victim/orders",
  "/t/acme\\..\\victim/orders",
  "/t/acme\\orders",
  "/t/acme/./orders",
  "/t/acme;x/orders",
  "/t/acme//orders",
  "/t//acme/orders",
  "//t/acme/orders",
  "//x/t/acme/orders",
  "/t/acme#/../victim/orders",
  "/t/acme\\..\\victim/orders#",
  "/t/acme\u00a0/orders",
  "/t/acme/orders\u00a0",
  "http://x/t/acme/orders",
  "HTTP://x/t/acme/orders",
  "http://x:80/t/acme/orders?q=1",
  "http://x/t/acme/../victim/orders",
  "http://x/t/acme/%2e%2e/victim/orders",
  "http://x/t/acme/.%2E/victim/orders",
  "http://x/t/acme\\..\\victim/orders",
  "http://x\\t\\victim\\orders",
  "http://x/t/acme/./orders",
  "http://x/t/victim/../acme/orders#",
  "http://x;/t/acme/orders",
  "http://x/t/acme;/../victim/orders",
  "http://u:p@x/t/acme/orders",
  "http://x@y/t/acme/orders",
  "http://x?/t/acme/orders",
  "*",
];

const ROUTE_PARAM = fromParam("tenant");

const RESOLVERS: readonly (readonly [string, TenantResolver])[] = [
  ["fromPath", fromPath({ prefix: "/t" })],
  ["fromParam", ROUTE_PARAM],
];

export function testTargets(fixture: AdapterFixture): void {
  it.each(RESOLVERS)("never runs a handler for another tenant than its router has matched: %s", async (_, resolve) => {
    fixture.guard = tenantGuard({ resolve });
    const usual = await sendTarget(fixture.url("/"), "/t/acme/orders");
    const served = { status: 200, text: expect.stringContaining('{"router":"acme","guard":"acme"}') as unknown };
    // Without a router in front of the guard there are no parameters, and the guard finds no tenant.
    const refused = { status: 400, text: expect.stringContaining("SCALE_TENANT") as unknown };
    expect(resolve === ROUTE_PARAM ? [served, refused] : [served]).toContainEqual(usual);
    const different: unknown[] = [];
    for (const target of TARGETS) {
      const { status, text } = await sendTarget(fixture.url("/"), target);
      if (status !== 200) continue;
      const { router, guard } = JSON.parse(/\{.*\}/su.exec(text)?.[0] ?? "{}") as OrdersSeen;
      if (router !== guard) different.push({ target, router, guard });
    }
    expect(different).toEqual([]);
  });
}
