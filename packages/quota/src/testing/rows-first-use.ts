import { expect, it } from "vitest";
import { gate, rolledBack } from "./harness.js";
import type { NewBench } from "./rows-store.js";

/** What a store does for a tenant that has rows and no counter. */
export function describeFirstUse<Db>(newBench: NewBench<Db>): void {
  it("counts what there is when a tenant has no counter yet", async () => {
    const { transaction, tenantId, db, insert, use, used } = newBench();
    await insert(db, tenantId, 7);
    expect(await transaction((tx) => use(tx, 2, { counted: true }))).toMatchObject({
      admitted: true,
      before: 7,
      used: 9,
    });
    // From here on the counter says it, whatever a count would.
    await insert(db, tenantId, 5);
    expect(await transaction((tx) => use(tx, 1, { counted: true }))).toMatchObject({ before: 9, used: 10 });
    expect(await used()).toBe(10);
  });

  it("counts rows once that were inserted before the first use", async () => {
    const { transaction, tenantId, db, insert, use, used } = newBench();
    await insert(db, tenantId, 3);
    await transaction(async (tx) => {
      await insert(tx, tenantId, 4);
      expect(await use(tx, 4, { counted: true, written: true })).toMatchObject({ admitted: true, before: 3, used: 7 });
    });
    expect(await used()).toBe(7);
  });

  it("keeps a right counter when the first use is refused", async () => {
    const { transaction, tenantId, db, insert, use, used } = newBench();
    await insert(db, tenantId, 10);
    for (const units of [1, 11]) {
      const refused = await transaction((tx) => use(tx, units, { counted: true }));
      expect(refused).toMatchObject({ admitted: false, before: 10, used: 10 });
      expect(await used()).toBe(10);
    }
  });

  it("refuses a tenant that has more than the maximum, and keeps what is there", async () => {
    const { transaction, tenantId, db, insert, use, used } = newBench();
    await insert(db, tenantId, 25);
    const refused = await transaction((tx) => use(tx, 1, { counted: true }));
    expect(refused).toMatchObject({ admitted: false, before: 25, used: 25 });
    expect(await used()).toBe(25);
  });

  it("counts again when the first use rolled back", async () => {
    const bench = newBench();
    await bench.insert(bench.db, bench.tenantId, 7);
    await rolledBack(bench, (tx) => bench.use(tx, 3, { counted: true }));
    expect(await bench.used()).toBeUndefined();
    await bench.insert(bench.db, bench.tenantId, 1);
    const outcome = await bench.transaction((tx) => bench.use(tx, 1, { counted: true }));
    expect(outcome).toMatchObject({ before: 8, used: 9 });
  });

  for (const [ends, used] of [
    ["commits", 3],
    ["rolls back", 2],
  ] as const) {
    it(`lets a second first use wait for the first, which ${ends}`, async () => {
      const bench = newBench();
      const { tenantId, db, insert } = bench;
      await insert(db, tenantId, 1);
      const [counted, finish] = [gate(), gate()];
      const first = (ends === "commits" ? bench.transaction : rollingBack(bench))(async (tx) => {
        await bench.use(tx, 1, { counted: true });
        await insert(tx, tenantId, 1);
        counted.open();
        await finish.opened;
      });
      await counted.opened;
      const second = bench.transaction(async (tx) => {
        // Inserted before it asks: the first must not have counted it, and it must be counted once.
        await insert(tx, tenantId, 1);
        const waiting = bench.use(tx, 1, { counted: true, written: true });
        finish.open();
        return waiting;
      });
      await first;
      expect(await second).toMatchObject({ admitted: true, used });
      expect(await bench.count(db, tenantId)).toBe(used);
    });
  }

  it("counts rows once that are deleted while another transaction counts", async () => {
    const bench = newBench();
    const { tenantId, db, insert, remove } = bench;
    await insert(db, tenantId, 6);
    const [deleted, finish] = [gate(), gate()];
    const deleting = bench.transaction(async (tx) => {
      await remove(tx, tenantId, 2);
      const outcome = await bench.giveBack(tx, 2, { counted: true, written: true });
      deleted.open();
      await finish.opened;
      return outcome;
    });
    await deleted.opened;
    const using = bench.transaction(async (tx) => {
      const waiting = bench.use(tx, 1, { counted: true });
      finish.open();
      return waiting;
    });
    expect(await deleting).toMatchObject({ admitted: true, before: 6, used: 4 });
    expect(await using).toMatchObject({ admitted: true, before: 4, used: 5 });
  });

  it("counts rows once that are deleted after they were given back", async () => {
    const { transaction, tenantId, db, insert, remove, giveBack, used } = newBench();
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
  <Db>(bench: ReturnType<NewBench<Db>>) =>
  (work: (tx: Db) => Promise<unknown>): Promise<void> =>
    rolledBack(bench, work);
