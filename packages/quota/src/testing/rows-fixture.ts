import type { RowsChange, RowsInput, RowsOutcome, RowsStore } from "../types.js";
import { only } from "./usage-fixture.js";

/** A store on an empty database, and the suite's access to that database. */
export interface RowsHarness<Db> {
  readonly store: RowsStore<Db>;
  /** The store's own connection, outside of a transaction. */
  readonly db: Db;
  /** Runs `work` in a new transaction, at least 8 at once. It commits, or rolls back when `work` rejects. */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /** Inserts rows of a tenant into a table of the suite's own. */
  insert(db: Db, tenantId: string, rows: number): Promise<void>;
  /** Deletes at most `rows` rows of a tenant, and returns the number of deleted rows. */
  remove(db: Db, tenantId: string, rows: number): Promise<number>;
  /** Counts a tenant's rows in that table. */
  count(db: Db, tenantId: string): Promise<number>;
}

/** The store's calls for one metric of a tenant that no other test uses. */
export interface RowsFixture<Db> extends RowsHarness<Db> {
  readonly tenantId: string;
  use(tx: Db, units: number, options?: ChangeOptions): Promise<RowsOutcome>;
  giveBack(tx: Db, units: number, options?: ChangeOptions): Promise<RowsOutcome>;
  /** Committed value of the counter; `undefined` without a counter. */
  used(metric?: string): Promise<number | undefined>;
}

export interface ChangeOptions {
  readonly max?: number;
  readonly metric?: string;
  /** Counts the rows of the suite's table when there is no counter. */
  readonly counted?: boolean;
  readonly written?: boolean;
}

let tenants = 0;

export function rowsFixture<Db>(harness: RowsHarness<Db>): RowsFixture<Db> {
  const tenantId = `tenant-${process.pid}-${tenants++}`;
  const { store } = harness;

  function inputOf(tx: Db, units: number, options: ChangeOptions): RowsInput {
    const { max = 10, metric = "contacts", counted = false, written = false } = options;
    const count = counted ? (): Promise<number> => harness.count(tx, tenantId) : undefined;
    const change: RowsChange = { metric, units, max, count };
    return { tenantId, changes: [change], written };
  }

  return {
    ...harness,
    tenantId,
    use: async (tx, units, options = {}) => only(await store.use(inputOf(tx, units, options), tx)),
    giveBack: async (tx, units, options = {}) => only(await store.giveBack(inputOf(tx, units, options), tx)),
    used: async (metric = "contacts") => (await store.read(tenantId, [metric]))[0]?.used,
  };
}

/** Thrown inside a transaction to make it roll back. */
const rollback: Error = new Error("rolled back by the test");

/** Runs `work` in a transaction that rolls back. */
export async function rolledBack<Db>(harness: RowsHarness<Db>, work: (tx: Db) => Promise<unknown>): Promise<void> {
  try {
    await harness.transaction(async (tx) => {
      await work(tx);
      throw rollback;
    });
  } catch (error) {
    if (error !== rollback) throw error;
  }
}

/** A gate that work waits at until the test opens it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

export const times = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
