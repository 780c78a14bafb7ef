import { ConfigError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { createCache, createTenantWarmers, type TenantWarmersOptions } from "../index.js";

function setUp(options: TenantWarmersOptions = {}, work: (id: string) => Promise<void> = async () => undefined) {
  const cache = createCache();
  const loads: string[] = [];
  const row = cache.define<string, string>({
    name: "row",
    key: (id) => id,
    ttl: "1m",
    async load(id, { tenantId }) {
      loads.push(`${tenantId}/${id}`);
      await work(id);
      return id;
    },
  });
  const warmers = createTenantWarmers(
    cache,
    { dashboard: [row, () => ["stats"]], contacts: [row, async () => ["c1", "c2"]] },
    options,
  );
  return { cache, row, loads, warmers };
}

describe("createTenantWarmers", () => {
  it("warms the values of the tenant, and of no other", async () => {
    const { cache, row, loads, warmers } = setUp();
    expect(await warmers.warmTenantCache("acme")).toMatchObject({ loaded: 3, failed: 0, isAborted: false });
    expect(cache.tenant("acme").peek(row, "stats")).toBe("stats");
    expect(await warmers.warmTenantCache("acme")).toMatchObject({ loaded: 0, fresh: 3 });
    expect(await warmers.warmTenantCache("globex", ["dashboard"])).toMatchObject({ loaded: 1 });
    expect(await warmers.warmTenantCache("globex", [])).toMatchObject({ loaded: 0, isAborted: false });
    expect(loads.toSorted()).toEqual(["acme/c1", "acme/c2", "acme/stats", "globex/stats"]);
    const all = await cache.warm({ tenants: ["acme", "globex"], entries: warmers.entries });
    expect(all).toMatchObject({ loaded: 2, fresh: 4 });
  });

  it("shares one run between the calls for a tenant", async () => {
    const slow = gate();
    const { warmers, loads } = setUp({}, () => slow.opened);
    const calls = Array.from({ length: 50 }, () => warmers.warmTenantCache("acme"));
    await expect.poll(() => loads.length).toBe(3);
    slow.open();
    const reports = await Promise.all(calls);
    expect(new Set(reports).size).toBe(1);
  });

  it("resolves at the deadline with the report so far, and keeps values that come later", async () => {
    const slow = gate();
    const { cache, row, warmers } = setUp({ within: 50, tenants: 1 }, (id) =>
      id === "c1" ? slow.opened : Promise.resolve(),
    );
    const startedAt = performance.now();
    const [first, second] = await Promise.all([warmers.warmTenantCache("acme"), warmers.warmTenantCache("globex")]);
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(first).toMatchObject({ loaded: 2, isAborted: true });
    // It got no permit before the deadline.
    expect(second).toMatchObject({ loaded: 0, isAborted: true });
    slow.open();
    await expect.poll(() => cache.tenant("acme").peek(row, "c1")).toBe("c1");
    expect(await warmers.warmTenantCache("globex")).toMatchObject({ loaded: 3, isAborted: false });
  });

  it("reports failures, and throws the first only with whenWarmingFails: throw", async () => {
    const fail = (id: string) => (id === "c1" ? Promise.reject(new Error("no c1")) : Promise.resolve());
    const told = await setUp({}, fail).warmers.warmTenantCache("acme");
    expect(told).toMatchObject({ loaded: 2, failed: 1, failures: [{ key: "c1" }] });
    expect(await setUp().warmers.warmTenantCache("")).toMatchObject({ failed: 1, loaded: 0 });
    await expect(setUp({ whenWarmingFails: "throw" }, fail).warmers.warmTenantCache("acme")).rejects.toThrow("no c1");
  });

  it("invalidates all values of the tenant, and starts a new run after that", async () => {
    const slow = gate();
    let value = "old";
    const { cache, row, loads, warmers } = setUp({}, async (id) =>
      id === "c1" && value === "old" ? slow.opened : undefined,
    );
    const early = warmers.warmTenantCache("acme");
    await expect.poll(() => loads.length).toBe(3);
    expect(await warmers.invalidateTenantCache("acme")).toEqual({ state: "applied" });
    value = "new";
    expect(cache.tenant("acme").peek(row, "stats")).toBeUndefined();
    expect(await warmers.warmTenantCache("acme")).toMatchObject({ loaded: 3 });
    slow.open();
    await early;
    expect(loads.length).toBe(6);
  });

  it("refuses invalid warmers and options, and params of another definition", () => {
    const { cache, row } = setUp();
    expect(() => createTenantWarmers(cache, {})).toThrow(ConfigError);
    expect(() => createTenantWarmers(cache, { a: [row, "b"] } as never)).toThrow(ConfigError);
    expect(() => createTenantWarmers(cache, { a: [row, () => ["b"]] }, { within: "soon" as never })).toThrow(
      ConfigError,
    );
    // @ts-expect-error -- the params of a row are strings
    createTenantWarmers(cache, { a: [row, () => [1]] });
  });
});
