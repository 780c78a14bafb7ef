import { expect, it } from "vitest";
import type { Reconciled, RowsChange } from "../types.js";
import { rolledBack, type RowsFixture, times } from "./rows-fixture.js";

/** How a store decides for concurrent transactions. */
export function describeRaces<Db>(newFixture: () => RowsFixture<Db>): void {
  it("admits exactly one of 40 transactions for the last unit", async () => {
    const { transaction, use, used } = newFixture();
    await transaction((tx) => use(tx, 9));
    const outcomes = await Promise.all(times(40).map(() => transaction((tx) => use(tx, 1))));
    expect(outcomes.filter(({ admitted }) => admitted)).toHaveLength(1);
    expect(outcomes.filter(({ admitted, before }) => !admitted && before !== 10)).toEqual([]);
    expect(await used()).toBe(10);
  });

  it("admits up to the maximum when all transactions are the first of their tenant", async () => {
    const { transaction, tenantId, db, insert, count, use, used } = newFixture();
    await insert(db, tenantId, 4);
    const outcomes = await Promise.all(
      times(30).map(() =>
        transaction(async (tx) => {
          const outcome = await use(tx, 1, { counted: true });
          if (outcome.admitted) await insert(tx, tenantId, 1);
          return outcome;
        }),
      ),
    );
    expect(outcomes.filter(({ admitted }) => admitted)).toHaveLength(6);
    expect([await used(), await count(db, tenantId)]).toEqual([10, 10]);
  });

  it("returns every step of the counter to exactly one transaction", async () => {
    const { transaction, use } = newFixture();
    const outcomes = await Promise.all(times(30).map(() => transaction((tx) => use(tx, 1, { max: 30 }))));
    const steps = outcomes.map(({ before, used }) => [before, used]).toSorted(([a = 0], [b = 0]) => a - b);
    expect(steps).toEqual(times(30).map((i) => [i, i + 1]));
  });

  it("ends without a deadlock when calls name the same metrics in different orders", async () => {
    const { transaction, store, tenantId, used } = newFixture();
    const change = (metric: string): RowsChange => ({ metric, units: 1, max: 1000, count: undefined });
    const orders = [
      ["a", "B", "c"],
      ["c", "B", "a"],
      ["B", "c", "a"],
    ];
    await Promise.all(
      times(60).map((i) =>
        transaction((tx) => {
          const changes = (orders[i % 3] ?? []).map(change);
          const input = { tenantId, changes, written: false };
          return i % 4 === 3 ? store.giveBack(input, tx) : store.use(input, tx);
        }),
      ),
    );
    expect(await used("a")).toBe(await used("c"));
    expect(await used("a")).toBe(await used("B"));
  });
}

/** How counters agree with the rows while both change. */
export function describeDriftRaces<Db>(newFixture: () => RowsFixture<Db>): void {
  it("agrees with the rows after a mix of inserts, deletes and rollbacks", async () => {
    const fixture = newFixture();
    const { transaction, tenantId, db, insert, remove, count, use, giveBack, used } = fixture;
    await insert(db, tenantId, 3);
    const create =
      (units: number) =>
      async (tx: Db): Promise<void> => {
        const { admitted } = await use(tx, units, { counted: true, max: 12 });
        if (admitted) await insert(tx, tenantId, units);
      };
    const destroy = async (tx: Db): Promise<void> => {
      const gone = await remove(tx, tenantId, 1);
      if (gone > 0) await giveBack(tx, gone, { counted: true, written: true });
    };
    for (const round of times(8)) {
      const works = times(8).map((i) => {
        if (i === round % 4) return rolledBack(fixture, create(2));
        if (i === 5) return transaction(destroy);
        return transaction(create(1 + ((i + round) % 3)));
      });
      await Promise.all(works);
      const there = await count(db, tenantId);
      expect({ round, used: await used() }).toEqual({ round, used: there });
      expect(there).toBeLessThanOrEqual(12);
    }
  });

  it("finds no drift while rows are inserted and deleted with their counter", async () => {
    const { store, transaction, tenantId, db, insert, remove, count, use, giveBack, used } = newFixture();
    await insert(db, tenantId, 3);
    const create = async (tx: Db): Promise<void> => {
      await insert(tx, tenantId, 1);
      await use(tx, 1, { counted: true, written: true, max: 1000 });
    };
    const destroy = async (tx: Db): Promise<void> => {
      const gone = await remove(tx, tenantId, 1);
      if (gone > 0) await giveBack(tx, gone, { counted: true, written: true });
    };
    const compare = (): Promise<Reconciled> =>
      store.reconcile({ tenantId, metric: "contacts", count: (own) => count(own, tenantId) });
    const found: Reconciled[] = [];
    for (const round of times(10)) {
      const works = [create, create, round % 2 === 0 ? create : destroy, destroy].map((work) => transaction(work));
      const compared = await Promise.all([compare(), compare()]);
      await Promise.all(works);
      found.push(...compared, await compare());
    }
    expect(found.filter(({ corrected, drift }) => corrected && drift !== 0)).toEqual([]);
    expect(await used()).toBe(await count(db, tenantId));
  });
}
