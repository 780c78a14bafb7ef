import { systemClock } from "@scale/core";
import { expect, it } from "vitest";
import type { RowsChange } from "../types.js";
import { rolledBack, type RowsFixture } from "./rows-fixture.js";

/** How a store admits units. */
export function describeUse<Db>(newFixture: () => RowsFixture<Db>): void {
  it("admits up to the maximum and not one unit more", async () => {
    const { transaction, use, used } = newFixture();
    const outcomes = [];
    for (const units of [4, 5, 2, 1, 1]) outcomes.push(await transaction((tx) => use(tx, units)));
    expect(outcomes).toEqual([
      { metric: "contacts", admitted: true, before: 0, used: 4 },
      { metric: "contacts", admitted: true, before: 4, used: 9 },
      { metric: "contacts", admitted: false, before: 9, used: 9 },
      { metric: "contacts", admitted: true, before: 9, used: 10 },
      { metric: "contacts", admitted: false, before: 10, used: 10 },
    ]);
    expect(await used()).toBe(10);
  });

  it("never admits more than the maximum, also for a tenant without a counter", async () => {
    const { transaction, use, used } = newFixture();
    expect(await transaction((tx) => use(tx, 11))).toEqual({
      metric: "contacts",
      admitted: false,
      before: 0,
      used: 0,
    });
    expect(await used()).toBe(0);
    expect(await transaction((tx) => use(tx, 10))).toMatchObject({ admitted: true, used: 10 });
  });

  it("counts nothing of a transaction that rolls back", async () => {
    const fixture = newFixture();
    await fixture.transaction((tx) => fixture.use(tx, 3));
    await rolledBack(fixture, (tx) => fixture.use(tx, 7));
    expect(await fixture.used()).toBe(3);
    expect(await fixture.transaction((tx) => fixture.use(tx, 7))).toMatchObject({ admitted: true, used: 10 });
  });

  it("keeps a counter above a lowered maximum, and admits nothing", async () => {
    const { transaction, use, giveBack, used } = newFixture();
    await transaction((tx) => use(tx, 10));
    expect(await transaction((tx) => use(tx, 1, { max: 5 }))).toMatchObject({ admitted: false, before: 10, used: 10 });
    await transaction((tx) => giveBack(tx, 6));
    expect(await transaction((tx) => use(tx, 1, { max: 5 }))).toMatchObject({ admitted: true, used: 5 });
    expect(await used()).toBe(5);
  });
}

/** Numbers and names at the edge of a counter. */
export function describeBounds<Db>(newFixture: () => RowsFixture<Db>): void {
  it("counts units up to 2^53 - 1 exactly", async () => {
    const { transaction, use, used } = newFixture();
    await transaction((tx) => use(tx, 2 ** 52, { max: Infinity }));
    expect(await transaction((tx) => use(tx, 2 ** 52 - 1, { max: Infinity }))).toMatchObject({ admitted: true });
    expect(await used()).toBe(Number.MAX_SAFE_INTEGER);
    expect(await transaction((tx) => use(tx, 1, { max: Infinity }))).toMatchObject({ admitted: false });
  });

  it("keeps tenants and metrics apart, whatever characters their names have", async () => {
    const { transaction, store } = newFixture();
    const names = ["acme", "Acme", "acme ", "a'b", 'a"b', "a\\b", "%", "{}", "null", "ä", "a\u0308", "\u{1f4a5}"];
    const changes = names.map((metric, i) => ({ metric, units: i + 1, max: 100, count: undefined }));
    const tenantOf = (name: string): string => `${name} ${process.pid} apart`;
    for (const name of names) {
      await transaction((tx) => store.use({ tenantId: tenantOf(name), changes, written: false }, tx));
    }
    for (const name of names) {
      const found = await store.read(tenantOf(name), names);
      expect(found.map((status) => status?.used)).toEqual(names.map((_, i) => i + 1));
    }
  });
}

/** How a store subtracts units. */
export function describeGiveBack<Db>(newFixture: () => RowsFixture<Db>): void {
  it("subtracts units, and makes room", async () => {
    const { transaction, use, giveBack } = newFixture();
    await transaction((tx) => use(tx, 10));
    expect(await transaction((tx) => giveBack(tx, 4))).toEqual({
      metric: "contacts",
      admitted: true,
      before: 10,
      used: 6,
    });
    expect(await transaction((tx) => use(tx, 4))).toMatchObject({ admitted: true, used: 10 });
  });

  it("never falls below 0, and returns the counter before the call", async () => {
    const { transaction, use, giveBack, used } = newFixture();
    await transaction((tx) => use(tx, 3));
    expect(await transaction((tx) => giveBack(tx, 5))).toMatchObject({ admitted: false, before: 3, used: 0 });
    expect(await transaction((tx) => giveBack(tx, 1))).toMatchObject({ admitted: false, before: 0, used: 0 });
    expect(await used()).toBe(0);
  });

  it("subtracts nothing from a tenant without a counter", async () => {
    const { transaction, use, giveBack } = newFixture();
    expect(await transaction((tx) => giveBack(tx, 2))).toMatchObject({ admitted: false, before: 0, used: 0 });
    expect(await transaction((tx) => use(tx, 10))).toMatchObject({ admitted: true, used: 10 });
  });

  it("subtracts nothing in a transaction that rolls back", async () => {
    const fixture = newFixture();
    await fixture.transaction((tx) => fixture.use(tx, 10));
    await rolledBack(fixture, (tx) => fixture.giveBack(tx, 4));
    expect(await fixture.used()).toBe(10);
  });
}

/** How a store changes several metrics in one call. */
export function describeSeveral<Db>(newFixture: () => RowsFixture<Db>): void {
  const changes = (contacts: number, deals: number): RowsChange[] => [
    { metric: "deals", units: deals, max: 5, count: undefined },
    { metric: "contacts", units: contacts, max: 10, count: undefined },
  ];

  it("counts all metrics of a call or none, and returns them in the order of the call", async () => {
    const { transaction, store, tenantId, used } = newFixture();
    const use = (contacts: number, deals: number): Promise<unknown> =>
      transaction((tx) => store.use({ tenantId, changes: changes(contacts, deals), written: false }, tx));
    expect(await use(4, 5)).toEqual([
      { metric: "deals", admitted: true, before: 0, used: 5 },
      { metric: "contacts", admitted: true, before: 0, used: 4 },
    ]);
    expect(await use(4, 1)).toEqual([
      { metric: "deals", admitted: false, before: 5, used: 5 },
      { metric: "contacts", admitted: true, before: 4, used: 4 },
    ]);
    expect(await used("contacts")).toBe(4);
    expect(await used("deals")).toBe(5);
  });

  it("counts none, also when one metric has no counter yet", async () => {
    const { transaction, store, tenantId, use, used } = newFixture();
    await transaction((tx) => use(tx, 5, { metric: "deals" }));
    const input = { tenantId, changes: changes(4, 1), written: false };
    await transaction((tx) => store.use(input, tx));
    expect([await used("contacts"), await used("deals")]).toEqual([0, 5]);
  });

  it("subtracts each metric of a call by itself", async () => {
    const { transaction, store, tenantId, use } = newFixture();
    await transaction((tx) => use(tx, 3, { metric: "deals" }));
    const input = { tenantId, changes: changes(2, 2), written: true };
    expect(await transaction((tx) => store.giveBack(input, tx))).toEqual([
      { metric: "deals", admitted: true, before: 3, used: 1 },
      { metric: "contacts", admitted: false, before: 0, used: 0 },
    ]);
  });
}

/** How a store reads counters. */
export function describeRead<Db>(newFixture: () => RowsFixture<Db>): void {
  it("reads counters in the order of the call, and undefined for a missing one", async () => {
    const { transaction, store, tenantId, use } = newFixture();
    await transaction((tx) => use(tx, 2));
    await transaction((tx) => use(tx, 1, { metric: "deals" }));
    const found = await store.read(tenantId, ["deals", "tasks", "contacts"]);
    expect(found.map((status) => status?.used)).toEqual([1, undefined, 2]);
    expect(Math.abs((found[0]?.asOf ?? 0) - systemClock.now())).toBeLessThan(60_000);
  });

  it("reads committed counters, and in a transaction also its own changes", async () => {
    const { transaction, store, tenantId, use, used } = newFixture();
    await transaction(async (tx) => {
      await use(tx, 2);
      expect((await store.read(tenantId, ["contacts"], tx))[0]?.used).toBe(2);
      expect(await used()).toBeUndefined();
    });
    expect(await used()).toBe(2);
  });
}
