import { StoreError } from "@scale/core";
import { beforeEach, describe, expect, it } from "vitest";
import { ANCHOR, collect, metrics, openUsage, resolver, type UsageFixture } from "../../test/usage-fixture.js";
import { storeFail } from "../events.js";
import { usage } from "../options.js";
import { createQuota } from "../quota.js";
import type { Reservation } from "./reservation.js";
import type { UsageStore } from "./store.js";

let at: UsageFixture;
beforeEach(() => {
  at = openUsage();
});

describe("reservations", () => {
  it("gives the same id the same hold, and records it once", async () => {
    for (let i = 0; i < 3; i++) await at.quota.reserve("free-1", { tokens: 800 }, { id: "a" });
    const again = await at.quota.reserve("free-1", { tokens: 800 }, { id: "a" });
    await again.commit({ tokens: 500 });
    expect(await again.commit({ tokens: 500 })).toMatchObject({ tokens: { committed: true, used: 500 } });
    expect(await at.quota.consume("free-1", { mails: 2 }, { id: "b" })).toMatchObject({
      metrics: { mails: { used: 2 } },
    });
    expect(await at.quota.consume("free-1", { mails: 2 }, { id: "b" })).toMatchObject({
      metrics: { mails: { used: 2 } },
    });
  });

  it("rejects other units under an id, and decides anew once it is released", async () => {
    const first = await at.quota.reserve("free-1", { tokens: 10 }, { id: "a" });
    await expect(at.quota.reserve("free-1", { tokens: 95 }, { id: "a" })).rejects.toMatchObject({
      code: "SCALE_IDEMPOTENCY",
      status: 409,
    });
    await first.release();
    await at.quota.consume("free-1", { tokens: 1000 });
    expect(await at.quota.tryReserve("free-1", { tokens: 10 }, { id: "a" })).toMatchObject({ admitted: false });
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 1000, held: 0 });
  });

  it("counts work once that is repeated in the next period", async () => {
    const end = Date.UTC(2026, 10, 30, 9);
    at.clock.setWall(end - 100);
    await at.quota.consume("free-1", { tokens: 300 }, { id: "use" });
    const first = await at.quota.reserve("free-1", { tokens: 500 }, { id: "work" });
    expect(first.metrics.tokens).toMatchObject({ used: 300, held: 500 });
    at.clock.setWall(end + 100);
    await at.quota.consume("free-1", { tokens: 300 }, { id: "use" });
    const again = await at.quota.reserve("free-1", { tokens: 500 }, { id: "work" });
    // It is committed into the period that holds its units.
    expect(await again.commit({ tokens: 400 })).toMatchObject({ tokens: { recorded: 400, late: false, used: 700 } });
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
  });

  it("treats units above the reservation as `over` of the metric says, when the commit does not", async () => {
    const capped = { ...metrics, tokens: usage({ per: "month", over: "cap" }) };
    const subscription = (): { anchor: number } => ({ anchor: ANCHOR });
    const quota = createQuota({ metrics: capped, plans: resolver(), usage: at.store, subscription, clock: at.clock });
    const first = await quota.reserve("free-1", { tokens: 900 });
    expect(await first.commit({ tokens: 1500 })).toMatchObject({ tokens: { recorded: 1000, used: 1000 } });
    const second = await quota.reserve("free-2", { tokens: 900 });
    expect(await second.commit({ tokens: 1500 }, { over: "overflow" })).toMatchObject({ tokens: { recorded: 1500 } });
  });

  it("drops a hold that was neither committed nor released when it expires", async () => {
    await at.quota.reserve("free-1", { tokens: 800 }, { ttlMs: 5000 });
    await at.quota.reserve("free-1", { tokens: 200 });
    at.clock.advance(5000);
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ held: 200 });
    at.clock.advance(55_000);
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ held: 0, used: 0 });
  });

  it("releases at the end of its scope the units that were not committed", async () => {
    const work = async (commits: boolean): Promise<void> => {
      await using reservation = await at.quota.reserve("free-1", { tokens: 100 });
      if (commits) await reservation.commit({ tokens: 40 });
      // From here on there is nothing to release.
      if (commits) at.failure = new StoreError("was called");
    };
    const failures = collect(storeFail);
    await work(false);
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
    await work(true);
    at.failure = undefined;
    expect(failures).toEqual([]);
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 40, held: 0 });
  });

  it("releases at the end of its scope the units of a rejected commit", async () => {
    const work = async (): Promise<void> => {
      await using reservation = await at.quota.reserve("free-1", { tokens: 100 });
      const committed = await reservation.commit({ tokens: 1001 }, { over: "reject" });
      expect(committed).toMatchObject({ tokens: { committed: false } });
    };
    await work();
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 0 });
  });

  it("commits into the period in which it was reserved", async () => {
    const reservation = await at.quota.reserve("free-1", { tokens: 800 }, { ttlMs: 86_400_000 });
    at.clock.setWall(Date.UTC(2026, 10, 30, 9));
    expect(await reservation.commit({ tokens: 700 })).toMatchObject({ tokens: { used: 700 } });
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 0, resetsAt: Date.UTC(2026, 11, 31, 9) });
  });

  it("treats units above the reservation as `over` says", async () => {
    const reserve = (id: string): Promise<Reservation<"tokens">> => at.quota.reserve("free-1", { tokens: 400 }, { id });
    const rejected = await reserve("a");
    expect(await rejected.commit({ tokens: 1001 }, { over: "reject" })).toMatchObject({
      tokens: { committed: false, recorded: 0 },
    });
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ held: 400 });
    expect(await rejected.commit({ tokens: 900 }, { over: "cap" })).toMatchObject({
      tokens: { recorded: 900, used: 900 },
    });
    const small = await at.quota.reserve("free-1", { tokens: 100 }, { id: "b" });
    expect(await small.commit({ tokens: 300 }, { over: "cap" })).toMatchObject({
      tokens: { recorded: 100, used: 1000 },
    });
    expect(await at.quota.tryReserve("free-1", { tokens: 1 })).toMatchObject({ admitted: false });
    const free = await at.quota.reserve("free-2", { tokens: 1000 });
    expect(await free.commit({ tokens: 1500 })).toMatchObject({
      tokens: { recorded: 1500, used: 1500, overage: true },
    });
  });

  it("commits the other metrics of a reservation when one of them fails", async () => {
    const broken: UsageStore = {
      ...at.store,
      commit: (input) =>
        input.metric === "tokens" ? Promise.reject(new TypeError("a mistake")) : at.store.commit(input),
    };
    const subscription = (): { anchor: number } => ({ anchor: ANCHOR });
    const failing = createQuota({ metrics, plans: resolver(), usage: broken, subscription, clock: at.clock });
    const reservation = await failing.reserve("free-1", { tokens: 90, calls: 1 });
    await expect(reservation.commit()).rejects.toThrow("a mistake");
    expect((await at.quota.status("free-1")).metrics).toMatchObject({
      tokens: { held: 90 },
      calls: { used: 1, held: 0 },
    });
    await reservation[Symbol.asyncDispose]();
    expect((await at.quota.status("free-1")).metrics).toMatchObject({ tokens: { held: 0 }, calls: { used: 1 } });
  });

  it("rejects a commit of a metric that was not reserved, before it records another", async () => {
    const reservation = await at.quota.reserve("free-1", { tokens: 90 });
    const wrong = { tokens: 1, calls: 1 } as { tokens: number };
    await expect(reservation.commit(wrong)).rejects.toThrow("expected a metric of the reservation, one of tokens");
    expect(await at.quota.check("free-1", "tokens")).toMatchObject({ used: 0, held: 90 });
  });
});
