import { expect, it } from "vitest";
import { gate, type RowsFixture } from "./rows-fixture.js";

const metric = "contacts";

/** How a store compares a counter with the rows. */
export function describeReconcile<Db>(newFixture: () => RowsFixture<Db>): void {
  it("corrects a wrong counter, and returns the drift", async () => {
    const { store, transaction, tenantId, db, insert, count, use, used } = newFixture();
    await transaction((tx) => use(tx, 9));
    await insert(db, tenantId, 4);
    const reconcile = (): Promise<unknown> =>
      store.reconcile({ tenantId, metric, count: (own) => count(own, tenantId) });
    expect(await reconcile()).toEqual({ before: 9, source: 4, drift: 5, corrected: true });
    expect(await used()).toBe(4);
    expect(await reconcile()).toEqual({ before: 4, source: 4, drift: 0, corrected: true });
  });

  it("creates a missing counter", async () => {
    const { store, tenantId, db, insert, count, used } = newFixture();
    await insert(db, tenantId, 4);
    const result = await store.reconcile({ tenantId, metric, count: (own) => count(own, tenantId) });
    expect(result).toEqual({ before: 4, source: 4, drift: 0, corrected: true });
    expect(await used()).toBe(4);
  });
}

/** How a store reconciles while other transactions change the counter. */
export function describeReconcileRaces<Db>(newFixture: () => RowsFixture<Db>): void {
  it("keeps units that are used during the count", async () => {
    const { store, transaction, tenantId, db, insert, count, use, used } = newFixture();
    await transaction((tx) => use(tx, 5));
    await insert(db, tenantId, 2);
    let counts = 0;
    const result = await store.reconcile({
      tenantId,
      metric,
      count: async (own) => {
        const there = await count(own, tenantId);
        // After the first count, so that it misses these rows.
        if (counts++ === 0) {
          await transaction(async (tx) => {
            await use(tx, 3);
            await insert(tx, tenantId, 3);
          });
        }
        return there;
      },
    });
    expect(result).toEqual({ before: 8, source: 5, drift: 3, corrected: true });
    expect(await used()).toBe(5);
  });

  it("leaves a counter unchanged that changes during every attempt, and returns corrected: false", async () => {
    const { store, transaction, tenantId, use, used } = newFixture();
    await transaction((tx) => use(tx, 1));
    const result = await store.reconcile({
      tenantId,
      metric,
      count: async () => {
        await transaction((tx) => use(tx, 1, { max: 1000 }));
        return 0;
      },
    });
    expect(result.corrected).toBe(false);
    expect(await used()).toBe(result.before + 1);
  });
}

/** How a store reconciles while a transaction holds rows that are not committed. */
export function describeUncommittedReconcile<Db>(newFixture: () => RowsFixture<Db>): void {
  it("does not count an insert under way as drift", async () => {
    const { store, transaction, tenantId, db, insert, count, use, used } = newFixture();
    await transaction(async (tx) => {
      await use(tx, 2);
      await insert(tx, tenantId, 2);
    });
    const [inserted, finish] = [gate(), gate()];
    const inserting = transaction(async (tx) => {
      await insert(tx, tenantId, 1);
      inserted.open();
      await finish.opened;
      await use(tx, 1);
    });
    await inserted.opened;
    const result = await store.reconcile({ tenantId, metric, count: (own) => count(own, tenantId) });
    finish.open();
    await inserting;
    expect(result.drift).toBe(0);
    expect([await used(), await count(db, tenantId)]).toEqual([3, 3]);
  });
}

/** How a store reconciles in a transaction of the caller. */
export function describeLockedReconcile<Db>(newFixture: () => RowsFixture<Db>): void {
  it("locks the counter while it counts in a transaction", async () => {
    const { store, transaction, tenantId, db, insert, count, use, used } = newFixture();
    await transaction((tx) => use(tx, 9));
    await insert(db, tenantId, 2);
    const order: string[] = [];
    let using: Promise<unknown> = Promise.resolve();
    const result = await transaction((tx) =>
      store.reconcile({
        tenantId,
        metric,
        tx,
        count: async (same) => {
          using = transaction(async (other) => {
            await use(other, 1);
            order.push("used");
          });
          // More round trips than the other transaction would need to finish without the lock.
          for (let i = 0; i < 20; i++) await count(same, tenantId);
          order.push("counted");
          return count(same, tenantId);
        },
      }),
    );
    await using;
    expect(result).toEqual({ before: 9, source: 2, drift: 7, corrected: true });
    expect([order, await used()]).toEqual([["counted", "used"], 3]);
  });

  it("creates a missing counter in a transaction as well", async () => {
    const { store, transaction, tenantId, db, insert, count, used } = newFixture();
    await insert(db, tenantId, 4);
    const result = await transaction((tx) =>
      store.reconcile({ tenantId, metric, tx, count: (same) => count(same, tenantId) }),
    );
    expect(result).toEqual({ before: 4, source: 4, drift: 0, corrected: true });
    expect(await used()).toBe(4);
  });
}
