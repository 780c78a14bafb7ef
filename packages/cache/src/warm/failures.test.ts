import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { gate } from "../../scenarios/node.js";
import { createCache } from "../index.js";

describe("cache.warm, when something fails", () => {
  it.each([
    ["staleWhileRevalidate", "load"],
    ["staleWhileRevalidate", "loadMany"],
    ["grace", "load"],
    ["grace", "loadMany"],
  ] as const)(
    "reports a failed reload with its reason, while %s serves the stale value (%s)",
    async (freshness, by) => {
      const clock = createManualClock();
      const cache = createCache({ clock });
      const failure = new Error("no database");
      let isBroken = false;
      const load = async (id: string): Promise<string> => {
        await Promise.resolve();
        if (isBroken) throw failure;
        return id;
      };
      const row = cache.define<string, string>({
        name: "row",
        key: (id) => id,
        ttl: "1s",
        freshness: { [freshness]: "1h" },
        load,
        ...(by === "loadMany" && { loadMany: (ids) => Promise.all(ids.map(load)) }),
      });
      const options = { tenants: ["acme"], entries: [[row, () => ["a"]]] as const };
      await cache.warm(options);
      clock.advance(2000);
      isBroken = true;
      const report = await cache.warm(options);
      const failures = [{ tenantId: "acme", name: "row", key: "a", error: failure }];
      expect(report).toMatchObject({ loaded: 0, fresh: 0, failed: 1, failures });
      expect(await cache.tenant("acme").get(row, "a")).toBe("a");
    },
  );

  it("ends on an abort while tenants wait for one that is stuck", async () => {
    const cache = createCache();
    const stop = new AbortController();
    const slow = gate();
    const row = cache.define<string, string>({
      name: "row",
      key: (id) => id,
      ttl: "1m",
      load: (id, { tenantId }) => (tenantId === "t0" ? slow.opened.then(() => id) : id),
    });
    const entries = [
      [row, () => ["a"]],
      [row, () => ["b"]],
    ] as const;
    const run = cache.warm({
      tenants: Array.from({ length: 3000 }, (_, i) => `t${i}`),
      entries,
      perTenantConcurrency: 1,
      signal: stop.signal,
    });
    await expect.poll(() => run.report().done, { timeout: 5000 }).toBe(999);
    stop.abort();
    slow.open();
    expect(await run).toMatchObject({ isAborted: true, done: 999 });
  });
});
