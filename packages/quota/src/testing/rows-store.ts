import { systemClock } from "@scale/core";
import { beforeAll, describe, expect, it } from "vitest";
import { type Bench, benchOn, type RowsHarness, rolledBack } from "./harness.js";
import { describeFirstUse } from "./rows-first-use.js";
import { describeRaces } from "./rows-races.js";
import { describeReconcile } from "./rows-reconcile.js";

/** What gives the suite a bench of a tenant of its own. */
export type NewBench<Db> = () => Bench<Db>;

/**
 * What every RowsStore must do. Call it in a vitest file with a function that prepares an empty database; add tests of
 * what only your client has. The suite needs a server that runs transactions at once, at READ COMMITTED.
 */
export function describeRowsStore<Db>(name: string, create: () => RowsHarness<Db> | Promise<RowsHarness<Db>>): void {
  describe(`RowsStore: ${name}`, () => {
    let harness: RowsHarness<Db> | undefined;
    beforeAll(async () => {
      harness = await create();
    });
    const bench = (): Bench<Db> => benchOn(harness ?? notReady());
    describeUse(bench);
    describeGiveBack(bench);
    describeSeveral(bench);
    describeRead(bench);
    describeFirstUse(bench);
    describeRaces(bench);
    describeReconcile(bench);
  });
}

function notReady(): never {
  throw new Error("the database was not prepared");
}

function describeUse<Db>(newBench: NewBench<Db>): void {
  it("admits up to the maximum and not one unit more", async () => {
    const { transaction, use, used } = newBench();
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

  it("admits more than the maximum never, also for a tenant without a counter", async () => {
    const { transaction, use, used } = newBench();
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
    const bench = newBench();
    await bench.transaction((tx) => bench.use(tx, 3));
    await rolledBack(bench, (tx) => bench.use(tx, 7));
    expect(await bench.used()).toBe(3);
    expect(await bench.transaction((tx) => bench.use(tx, 7))).toMatchObject({ admitted: true, used: 10 });
  });

  it("keeps what is there when the maximum falls below it, and admits nothing", async () => {
    const { transaction, use, giveBack, used } = newBench();
    await transaction((tx) => use(tx, 10));
    expect(await transaction((tx) => use(tx, 1, { max: 5 }))).toMatchObject({ admitted: false, before: 10, used: 10 });
    await transaction((tx) => giveBack(tx, 6));
    expect(await transaction((tx) => use(tx, 1, { max: 5 }))).toMatchObject({ admitted: true, used: 5 });
    expect(await used()).toBe(5);
  });

  it("counts units up to 2^53 - 1 exactly", async () => {
    const { transaction, use, used } = newBench();
    await transaction((tx) => use(tx, 2 ** 52, { max: Infinity }));
    expect(await transaction((tx) => use(tx, 2 ** 52 - 1, { max: Infinity }))).toMatchObject({ admitted: true });
    expect(await used()).toBe(Number.MAX_SAFE_INTEGER);
    expect(await transaction((tx) => use(tx, 1, { max: Infinity }))).toMatchObject({ admitted: false });
  });

  it("keeps tenants and metrics apart, whatever their names contain", async () => {
    const { transaction, store } = newBench();
    const names = ["acme", "Acme", "acme ", "a'b", 'a"b', "a\\b", "%", "{}", "null", "ä", "a\u0308", "\u{1f4a5}"];
    const changes = names.map((metric, i) => ({ metric, units: i + 1, max: 100, count: undefined }));
    const tenantOf = (name: string): string => `${name} ${process.pid} apart`;
    for (const name of names) {
      await transaction((tx) => store.use({ tenantId: tenantOf(name), changes, written: false }, tx));
    }
    for (const name of names) {
      const found = await store.read(tenantOf(name), names);
      expect(found.map((standing) => standing?.used)).toEqual(names.map((_, i) => i + 1));
    }
  });
}

function describeGiveBack<Db>(newBench: NewBench<Db>): void {
  it("takes units off, and makes room", async () => {
    const { transaction, use, giveBack } = newBench();
    await transaction((tx) => use(tx, 10));
    expect(await transaction((tx) => giveBack(tx, 4))).toEqual({
      metric: "contacts",
      admitted: true,
      before: 10,
      used: 6,
    });
    expect(await transaction((tx) => use(tx, 4))).toMatchObject({ admitted: true, used: 10 });
  });

  it("never falls below 0, and tells what there was", async () => {
    const { transaction, use, giveBack, used } = newBench();
    await transaction((tx) => use(tx, 3));
    expect(await transaction((tx) => giveBack(tx, 5))).toMatchObject({ admitted: false, before: 3, used: 0 });
    expect(await transaction((tx) => giveBack(tx, 1))).toMatchObject({ admitted: false, before: 0, used: 0 });
    expect(await used()).toBe(0);
  });

  it("takes nothing off a tenant without a counter", async () => {
    const { transaction, use, giveBack } = newBench();
    expect(await transaction((tx) => giveBack(tx, 2))).toMatchObject({ admitted: false, before: 0, used: 0 });
    expect(await transaction((tx) => use(tx, 10))).toMatchObject({ admitted: true, used: 10 });
  });

  it("gives nothing back in a transaction that rolls back", async () => {
    const bench = newBench();
    await bench.transaction((tx) => bench.use(tx, 10));
    await rolledBack(bench, (tx) => bench.giveBack(tx, 4));
    expect(await bench.used()).toBe(10);
  });
}

function describeSeveral<Db>(newBench: NewBench<Db>): void {
  const changes = (contacts: number, deals: number): RowsChanges => [
    { metric: "deals", units: deals, max: 5, count: undefined },
    { metric: "contacts", units: contacts, max: 10, count: undefined },
  ];

  it("counts all metrics of a call or none, and answers in the order it was asked", async () => {
    const { transaction, store, tenantId, used } = newBench();
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

  it("counts none also where one metric has no counter yet", async () => {
    const { transaction, store, tenantId, use, used } = newBench();
    await transaction((tx) => use(tx, 5, { metric: "deals" }));
    const input = { tenantId, changes: changes(4, 1), written: false };
    await transaction((tx) => store.use(input, tx));
    expect([await used("contacts"), await used("deals")]).toEqual([0, 5]);
  });

  it("gives each metric of a call back on its own", async () => {
    const { transaction, store, tenantId, use } = newBench();
    await transaction((tx) => use(tx, 3, { metric: "deals" }));
    const input = { tenantId, changes: changes(2, 2), written: true };
    expect(await transaction((tx) => store.giveBack(input, tx))).toEqual([
      { metric: "deals", admitted: true, before: 3, used: 1 },
      { metric: "contacts", admitted: false, before: 0, used: 0 },
    ]);
  });
}

type RowsChanges = Parameters<Bench<never>["store"]["use"]>[0]["changes"];

function describeRead<Db>(newBench: NewBench<Db>): void {
  it("reads counters in the order it was asked, and none where there is none", async () => {
    const { transaction, store, tenantId, use } = newBench();
    await transaction((tx) => use(tx, 2));
    await transaction((tx) => use(tx, 1, { metric: "deals" }));
    const found = await store.read(tenantId, ["deals", "tasks", "contacts"]);
    expect(found.map((standing) => standing?.used)).toEqual([1, undefined, 2]);
    expect(Math.abs((found[0]?.asOf ?? 0) - systemClock.now())).toBeLessThan(60_000);
  });

  it("reads what is committed, and in a transaction also what that has changed", async () => {
    const { transaction, store, tenantId, use, used } = newBench();
    await transaction(async (tx) => {
      await use(tx, 2);
      expect((await store.read(tenantId, ["contacts"], tx))[0]?.used).toBe(2);
      expect(await used()).toBeUndefined();
    });
    expect(await used()).toBe(2);
  });
}
