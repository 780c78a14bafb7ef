import { isScaleError, StoreError } from "@scale/core";
import { createDeadline, type Deadline } from "@scale/core/kit";
import type { RunStatement, SqlClient } from "./client.js";
import { checkClient, checkTransaction } from "./is-client.js";

/** A `pg` client that ran `BEGIN`, or an object with the same `query`. */
export interface PgExecutor {
  query(text: string, params: string[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** A `pg` pool. */
export interface PgPool extends PgExecutor {
  connect(): Promise<PgPoolClient>;
}

export interface PgPoolClient extends PgExecutor {
  /** Gives the connection back; with `true` the pool closes it. */
  release(destroy?: boolean): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

/** The application's `pg` pool. `tx` is the client that ran `BEGIN`. */
export function pgClient<Tx extends PgExecutor = PgExecutor>(pool: PgPool): SqlClient<Tx> {
  checkClient(pool, ["query", "connect"], "pgClient");
  return {
    name: "pgClient",
    run: runOn(pool),
    inTransaction(tx) {
      checkTransaction(tx, pool, "query");
      return runOn(tx);
    },
    transaction: (work, timeoutMs) => inNewTransaction(pool, work, timeoutMs),
  };
}

const runOn =
  (executor: PgExecutor): RunStatement =>
  async (text, params) =>
    (await executor.query(text, [...params])).rows;

async function inNewTransaction<T>(
  pool: PgPool,
  work: (run: RunStatement) => Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const deadline = createDeadline(timeoutMs);
  const client = await connect(pool, deadline);
  // The running statement rejects with the error. Without a listener the loss of a lent connection ends the process.
  const onError = (): void => undefined;
  client.on("error", onError);
  let isOpen = true;
  // Work that goes on after its deadline must not reach the connection, which belongs to another caller by then.
  const run: RunStatement = (text, params) =>
    isOpen ? runOn(client)(text, params) : Promise.reject(new StoreError("the transaction has ended"));
  const statement = (text: string): Promise<unknown> => deadline(run(text, []), `the database, at ${text},`);
  let isUsable = false;
  try {
    await statement("begin isolation level read committed");
    const result = await deadline(work(run), "the work in a transaction").catch(async (error: unknown) => {
      // After a timeout a statement may still run on the connection: closing it ends the transaction.
      if (!isScaleError(error, "SCALE_TIMEOUT")) isUsable = await succeeds(statement("rollback"));
      throw error;
    });
    await statement("commit");
    isUsable = true;
    return result;
  } finally {
    isOpen = false;
    client.off("error", onError);
    client.release(!isUsable);
  }
}

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

async function connect(pool: PgPool, deadline: Deadline): Promise<PgPoolClient> {
  const connecting = pool.connect();
  try {
    return await deadline(connecting, "a connection of the pool");
  } catch (error) {
    // A connection that comes after the deadline goes back to the pool; the caller has its error.
    connecting.then(
      (client) => client.release(),
      () => undefined,
    );
    throw error;
  }
}
