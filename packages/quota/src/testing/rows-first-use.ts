import { expect, it } from "vitest";
import { gate, rolledBack, type RowsFixture } from "./rows-fixture.js";

/** The first use of a tenant that has rows and no counter. */
export function describeFirstUse<Db>(newFixture: () => RowsFixture<Db>): void {
  it("counts the rows when a tenant has no counter yet", async () => {
    const { transaction, tenantId, db, insert, use, used } = newFixture();
    await insert(db, tenantId, 7);
    expect(await transaction((tx) => use(tx, 2, { counted: true }))).toMatchObject({
      admitted: true,
      before: 7,
      used: 9,
    });
    // The rows are not counted again: from here on the counter decides.
    await insert(db, tenantId, 5);
    expect(await transaction((tx) => use(tx, 1, { counted: true }))).toMatchObject({ before: 9, used: 10 });
    expect(await used()).toBe(10);
  });

  it("counts rows once that were inserted before the first use", async () => {
    const { transaction, tenantId, db, insert, use, used } = newFixture();
    await insert(db, tenantId, 3);
    await transaction(async (tx) => {
      await insert(tx, tenantId, 4);
      expect(await use(tx, 4, { counted: true, written: true })).toMatchObject({ admitted: true, before: 3, used: 7 });
    });
    expect(await used()).toBe(7);
  });

  it("creates a correct counter when the first use is refused", async () => {
    const { transaction, tenantId, db, insert, use, used } = newFixture();
    await insert(db, tenantId, 10);
    for (const units of [1, 11]) {
      const refused = await transaction((tx) => use(tx, units, { counted: true }));
      expect(refused).toMatchObject({ admitted: false, before: 10, used: 10 });
      expect(await used()).toBe(10);
    }
  });

  it("refuses a tenant with more rows than the maximum, and keeps its count", async () => {
    const { transaction, tenantId, db, insert, use, used } = newFixture();
    await insert(db, tenantId, 25);
    const refused = await transaction((tx) => use(tx, 1, { counted: true }));
    expect(refused).toMatchObject({ admitted: false, before: 25, used: 25 });
    expect(await used()).toBe(25);
  });
}

/** A second first use, after a rollback of the first and while it is under way. */
export function describeSecondFirstUse<Db>(newFixture: () => RowsFixture<Db>): void {
  it("counts again when the first use rolled back", async () => {
    const fixture = newFixture();
    await fixture.insert(fixture.db, fixture.tenantId, 7);
    await rolledBack(fixture, (tx) => fixture.use(tx, 3, { counted: true }));
    expect(await fixture.used()).toBeUndefined();
    await fixture.insert(fixture.db, fixture.tenantId, 1);
    const outcome = await fixture.transaction((tx) => fixture.use(tx, 1, { counted: true }));
    expect(outcome).toMatchObject({ before: 8, used: 9 });
  });

  for (const [ends, used] of [
    ["commits", 3],
    ["rolls back", 2],
  ] as const) {
    it(`makes a second first use wait for the first one, which ${ends}`, async () => {
      const fixture = newFixture();
      const { tenantId, db, insert } = fixture;
      await insert(db, tenantId, 1);
      const [counted, finish] = [gate(), gate()];
      const first = (ends === "commits" ? fixture.transaction : rollingBack(fixture))(async (tx) => {
        await fixture.use(tx, 1, { counted: true });
        await insert(tx, tenantId, 1);
        counted.open();
        await finish.opened;
      });
      await counted.opened;
      const second = fixture.transaction(async (tx) => {
        // Inserted before its use: the first count must miss this row, and it must be counted once.
        await insert(tx, tenantId, 1);
        const waiting = fixture.use(tx, 1, { counted: true, written: true });
        finish.open();
        return waiting;
      });
      await first;
      expect(await second).toMatchObject({ admitted: true, used });
      expect(await fixture.count(db, tenantId)).toBe(used);
    });
  }
}

/** Deletes of a tenant that has rows and no counter. */
export function describeFirstGiveBack<Db>(newFixture: () => RowsFixture<Db>): void {
  it("counts rows once that are deleted while another transaction counts", async () => {
    const fixture = newFixture();
    const { tenantId, db, insert, remove } = fixture;
    await insert(db, tenantId, 6);
    const [deleted, finish] = [gate(), gate()];
    const deleting = fixture.transaction(async (tx) => {
      await remove(tx, tenantId, 2);
      const outcome = await fixture.giveBack(tx, 2, { counted: true, written: true });
      deleted.open();
      await finish.opened;
      return outcome;
    });
    await deleted.opened;
    const using = fixture.transaction(async (tx) => {
      const waiting = fixture.use(tx, 1, { counted: true });
      finish.open();
      return waiting;
    });
    expect(await deleting).toMatchObject({ admitted: true, before: 6, used: 4 });
    expect(await using).toMatchObject({ admitted: true, before: 4, used: 5 });
  });

  it("counts rows once that are deleted after they were given back", async () => {
    const { transaction, tenantId, db, insert, remove, giveBack, used } = newFixture();
    await insert(db, tenantId, 6);
    await transaction(async (tx) => {
      const outcome = await giveBack(tx, 2, { counted: true, written: false });
      expect(outcome).toMatchObject({ admitted: true, before: 6, used: 4 });
      await remove(tx, tenantId, 2);
    });
    expect(await used()).toBe(4);
  });
}

const rollingBack =
  <Db>(fixture: RowsFixture<Db>) =>
  (work: (tx: Db) => Promise<unknown>): Promise<void> =>
    rolledBack(fixture, work);
