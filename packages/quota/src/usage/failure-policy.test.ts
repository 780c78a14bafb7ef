import { StoreError } from "@scale/core";
import { beforeEach, describe, expect, it } from "vitest";
import { collect, openUsage, type UsageFixture } from "../../test/usage-fixture.js";
import { storeFail } from "../events.js";

let at: UsageFixture;
beforeEach(() => {
  at = openUsage();
});

describe("createQuota: a usage store that does not answer", () => {
  it("rejects uses of a hard limit, admits uses of a soft limit uncounted, and publishes both", async () => {
    const failures = collect(storeFail);
    const error = new StoreError("Redis is down");
    at.failure = error;
    await expect(at.quota.reserve("free-1", { tokens: 1 })).rejects.toBe(error);
    await expect(at.quota.consume("free-1", { tokens: 1, calls: 1 })).rejects.toBe(error);
    expect(await at.quota.consume("free-1", { calls: 100 })).toMatchObject({
      admitted: true,
      metrics: { calls: { used: undefined } },
    });
    expect(failures).toEqual([
      { tenantId: "free-1", metrics: ["tokens"], decided: "throw", error },
      { tenantId: "free-1", metrics: ["tokens", "calls"], decided: "throw", error },
      { tenantId: "free-1", metrics: ["calls"], decided: "allow", error },
    ]);
  });

  it("follows whenUsageFails", async () => {
    at = openUsage({ hard: "allow", soft: "throw" });
    at.failure = new StoreError("Redis is down");
    expect(await at.quota.tryReserve("free-1", { tokens: 1 })).toMatchObject({
      admitted: true,
      metrics: { tokens: { used: undefined } },
    });
    await expect(at.quota.consume("free-1", { calls: 1 })).rejects.toMatchObject({ code: "SCALE_STORE" });
  });

  it("records work that was admitted without the store, once the store answers again", async () => {
    at.failure = new StoreError("Redis is down");
    const reservation = await at.quota.reserve("free-1", { calls: 3 });
    at.failure = undefined;
    expect(await reservation.commit({ calls: 2 })).toMatchObject({ calls: { recorded: 2, late: true, used: 2 } });
  });

  it("keeps the error of the work when its hold cannot be released", async () => {
    const failures = collect(storeFail);
    const work = async (): Promise<void> => {
      await using reservation = await at.quota.reserve("free-1", { tokens: 3 });
      expect(reservation.metrics.tokens.held).toBe(3);
      at.failure = new StoreError("Redis is down");
      throw new Error("the work failed");
    };
    await expect(work()).rejects.toThrow("the work failed");
    expect(failures).toMatchObject([{ metrics: ["tokens"], decided: "throw" }]);
  });

  it("rejects with every other error", async () => {
    at.failure = new TypeError("a mistake");
    await expect(at.quota.consume("free-1", { calls: 1 })).rejects.toThrow("a mistake");
  });
});
