import { tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { createRouter } from "./router.js";
import { createShardedRouter } from "./sharded.js";
import { scriptedNode } from "../test/scripted-node.js";
import { closeAfterTest, scriptedRouter } from "../test/scripted-router.js";

describe("a sharded router", () => {
  it("sends each tenant to its shard, and throws for a tenant without one", async () => {
    const [eu, us] = [await scriptedRouter({ name: "eu" }, []), await scriptedRouter({ name: "us" }, [])];
    const homes: Record<string, string> = { acme: "eu", globex: "us", lost: "mars" };
    const sharded = createShardedRouter({
      shards: { eu: eu.router, us: us.router },
      tenants: { resolve: (tenantId) => homes[tenantId] },
    });
    const poolFor = (tenantId: string) => tenancy.run({ tenantId }, () => sharded.primaryPool());
    expect([poolFor("acme"), poolFor("globex")]).toEqual([eu.p.pool, us.p.pool]);
    for (const tenantId of ["unknown", "lost", "constructor", "__proto__"]) {
      expect(() => tenancy.run({ tenantId }, () => sharded.checkout({ intent: "read" }))).toThrow(
        expect.objectContaining({ code: "SCALE_SHARD" }),
      );
    }
    expect(() => sharded.checkout({ intent: "read" })).toThrow(expect.objectContaining({ code: "SCALE_TENANT" }));
    expect(sharded.pools()).toEqual([eu.p.pool, us.p.pool]);
    expect(sharded.run({ tenantId: "globex" }, () => sharded.primaryPool())).toBe(us.p.pool);
  });

  it("throws when the look-up of the shard throws", () => {
    const shards = { eu: closeAfterTest(createRouter({ primary: scriptedNode("p") })) };
    const resolve = (): string => {
      throw new Error("map not loaded");
    };
    expect(() => createShardedRouter({ shards, tenants: { resolve } }).of("acme")).toThrow("tenants.resolve failed");
  });
});
