/** Runs one statement with string parameters and returns its rows. Errors of the client pass through unchanged. */
export type RunStatement = (text: string, params: readonly string[]) => Promise<readonly unknown[]>;

/**
 * The application's Postgres client, as the outbox, the run-once ledger and the Postgres store use it. `pgClient`,
 * `drizzleClient` and `prismaClient` make one; every other client can be described in the same way.
 */
export interface SqlClient<Tx> {
  /** Name for error messages. */
  readonly name: string;
  /** Runs a statement on the application's own connection or pool, outside of any transaction. */
  readonly run: RunStatement;
  /**
   * Runs statements in a transaction that the caller has opened.
   * @throws {TypeError} for another value, and for the client itself: each statement would be a transaction of its own
   */
  inTransaction(tx: Tx): RunStatement;
  /**
   * Runs `work` in a new transaction at READ COMMITTED. It commits, or rolls back when `work` rejects. A transaction that
   * has not ended after `timeoutMs` is given up, and the promise rejects.
   */
  transaction<T>(work: (run: RunStatement) => Promise<T>, timeoutMs: number): Promise<T>;
}
