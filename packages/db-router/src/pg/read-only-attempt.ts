import type { PoolClient } from "pg";
import type { Statement } from "./statement.js";

type Callback = (error: unknown, result?: unknown) => void;

/** Sends a statement, and calls `done` with its outcome. `pg` throws for some invalid queries. */
export function sendStatement(client: PoolClient, { query, values }: Statement, done: Callback): void {
  client.query(query as string, values as unknown[], done as (error: Error | null) => void);
}

/**
 * Sends a statement in a read-only transaction of its own: a server refuses it there (25006) before it has any effect, if it
 * writes. It is sent only after the transaction has begun.
 */
export function sendReadOnly(client: PoolClient, statement: Statement, done: Callback): void {
  client.query("begin read only", (refused: unknown) => {
    if (isError(refused)) return done(refused);
    const end = (error: unknown, result?: unknown): void => {
      client.query(isError(error) ? "rollback" : "commit", (failed: unknown) => {
        if (isError(error)) done(error);
        else done(isError(failed) ? failed : undefined, result);
      });
    };
    try {
      sendStatement(client, statement, end);
    } catch (thrown) {
      end(thrown);
    }
  });
}

const isError = (value: unknown): boolean => value !== undefined && value !== null;
