import type { RowsChange, RowsInput, RowsOutcome, RowsStore } from "../types.js";

/** A store on an empty database, and what the suite needs of that database. */
export interface RowsHarness<Db> {
  readonly store: RowsStore<Db>;
  /** The store's own connection, outside of a transaction. */
  readonly db: Db;
  /** Runs `work` in a transaction of its own, at least 8 at once. It commits, or rolls back when `work` rejects. */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>;
  /** Inserts rows of a tenant into a table of the suite's own. */
  insert(db: Db, tenantId: string, rows: number): Promise<void>;
  /** Deletes up to as many rows of a tenant, and answers how many it deleted. */
  remove(db: Db, tenantId: string, rows: number): Promise<number>;
  /** Counts a tenant's rows in that table. */
  count(db: Db, tenantId: string): Promise<number>;
}

/** What a test asks of a store, with one metric unless it says more. */
export interface Bench<Db> extends RowsHarness<Db> {
  /** A tenant that no other test knows. */
  readonly tenantId: string;
  use(tx: Db, units: number, options?: AskOptions): Promise<RowsOutcome>;
  giveBack(tx: Db, units: number, options?: AskOptions): Promise<RowsOutcome>;
  /** What the counter says, committed; `undefined` when there is none. */
  used(metric?: string): Promise<number | undefined>;
}

export interface AskOptions {
  readonly max?: number;
  readonly metric?: string;
  /** Counts the rows of the suite's table when there is no counter. */
  readonly counted?: boolean;
  readonly written?: boolean;
}

let tenants = 0;

export function benchOn<Db>(harness: RowsHarness<Db>): Bench<Db> {
  const tenantId = `tenant-${process.pid}-${tenants++}`;
  const { store } = harness;

  function inputOf(tx: Db, units: number, options: AskOptions): RowsInput {
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

/** The one outcome there is. */
function only<T>(list: readonly T[]): T {
  const [one, another] = list;
  if (one === undefined || another !== undefined) throw new Error(`expected one outcome, got ${list.length}`);
  return one;
}

/** Thrown inside a transaction to make it roll back. */
const rollback: Error = new Error("rolled back by the test");

/** Runs `work` in a transaction that rolls back. */
export async function rolledBack<Db>(bench: RowsHarness<Db>, work: (tx: Db) => Promise<unknown>): Promise<void> {
  try {
    await bench.transaction(async (tx) => {
      await work(tx);
      throw rollback;
    });
  } catch (error) {
    if (error !== rollback) throw error;
  }
}

/** A door that work waits at until the test opens it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
