import type { WarmReport } from "@scale/cache";
import { tenancy } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import type { Request, Response } from "express";
import { describe, expect, it } from "vitest";
import { warmOnArrival } from "./warm-on-arrival.js";

describe("warmOnArrival", () => {
  function arrivals(warm: () => Promise<WarmReport> = () => new Promise(() => undefined)) {
    const clock = createManualClock();
    const warmed: string[] = [];
    const errors: unknown[] = [];
    const enabled = { is: true };
    const handle = warmOnArrival({
      warmers: {
        warmTenantCache(tenantId) {
          warmed.push(tenantId);
          return warm();
        },
        invalidateTenantCache: () => Promise.reject(new Error("not asked for")),
        entries: [],
      },
      isEnabled: () => enabled.is,
      clock,
      onWarmed: () => undefined,
      onError: (error) => errors.push(error),
    });
    /** Sends a request of a tenant. @returns true when `next` was called synchronously */
    function ask(tenantId: string): boolean {
      let next = false;
      tenancy.run({ tenantId }, () => handle({} as Request, {} as Response, () => (next = true)));
      return next;
    }
    return { clock, warmed, errors, ask, enabled };
  }

  it("warms a tenant that arrived while it was disabled at its first request after that", () => {
    const { warmed, ask, enabled } = arrivals();
    enabled.is = false;
    ask("acme");
    expect(warmed).toEqual([]);
    enabled.is = true;
    ask("acme");
    expect(warmed).toEqual(["acme"]);
  });

  it("warms on the first request of each tenant, without delaying it", () => {
    const { warmed, ask } = arrivals();
    expect(["acme", "acme", "globex", "acme"].map(ask)).toEqual([true, true, true, true]);
    expect(warmed).toEqual(["acme", "globex"]);
  });

  it("warms again for a tenant without requests for ten minutes", () => {
    const { clock, warmed, ask } = arrivals();
    for (const minutes of [0, 9, 10, 11]) {
      clock.advance(minutes * 60_000);
      ask("acme");
    }
    expect(warmed).toEqual(["acme", "acme"]);
  });

  it("remembers the thousand most recent tenants", () => {
    const { warmed, ask } = arrivals();
    ask("first");
    for (let n = 0; n < 999; n++) ask(`tenant-${n}`);
    ask("first");
    ask("one-more");
    ask("first");
    ask("tenant-0");
    expect(warmed.filter((id) => id === "first")).toHaveLength(1);
    expect(warmed.filter((id) => id === "tenant-0")).toHaveLength(2);
  });

  it("reports a failed warming", async () => {
    const { errors, ask } = arrivals(() => Promise.reject(new Error("no")));
    expect(ask("acme")).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(errors.map(String)).toEqual(["Error: no"]);
  });
});
