import { createDeadline } from "@scale/core/kit";
import { type SQL, sql } from "drizzle-orm";
import type { RunStatement, SqlClient } from "./client.js";
import { checkClient, checkTransaction } from "./is-client.js";

/** A Drizzle transaction on Postgres, with any driver. */
export interface DrizzleExecutor {
  execute(query: SQL): PromiseLike<unknown>;
}

/** A Drizzle database on Postgres. */
export interface DrizzleDatabase extends DrizzleExecutor {
  transaction<T>(
    work: (tx: DrizzleExecutor) => Promise<T>,
    config: { readonly isolationLevel: "read committed" },
  ): Promise<T>;
}

/** The application's Drizzle database. `tx` is what `db.transaction` passes to its callback. */
export function drizzleClient<Tx extends DrizzleExecutor = DrizzleExecutor>(db: DrizzleDatabase): SqlClient<Tx> {
  checkClient(db, ["execute", "transaction"], "drizzleClient");
  return {
    name: "drizzleClient",
    run: runOn(db),
    inTransaction(tx) {
      checkTransaction(tx, db, "execute");
      return runOn(tx);
    },
    transaction: (work, timeoutMs) => {
      const deadline = createDeadline(timeoutMs);
      const inside = (tx: DrizzleExecutor): ReturnType<typeof work> =>
        // Rejects inside, so that Drizzle rolls back what runs longer.
        deadline(work(runOn(tx)), "the work in a transaction");
      return deadline(db.transaction(inside, { isolationLevel: "read committed" }), "the database");
    },
  };
}

const runOn =
  (db: DrizzleExecutor): RunStatement =>
  async (text, params) =>
    rowsOf(await db.execute(toSql(text, params)));

/** A quoted name, in which `$1` is a part of the name, or a parameter. */
const NAME_OR_PARAMETER = /("(?:[^"]|"")*")|\$(\d+)/;

/** Converts a statement to Drizzle's form, with each `$n` as a parameter. */
function toSql(text: string, params: readonly string[]): SQL {
  const parts = text.split(NAME_OR_PARAMETER);
  // `split` returns groups of three: plain SQL, a quoted name, the number of a parameter.
  const chunks = parts.flatMap((part, i) => {
    if (part === undefined) return [];
    return [i % 3 === 2 ? sql`${params[Number(part) - 1]}` : sql.raw(part)];
  });
  return sql.join(chunks);
}

// postgres-js returns an array, the other drivers an object with the array.
function rowsOf(result: unknown): readonly unknown[] {
  if (Array.isArray(result)) return result;
  const rows = typeof result === "object" && result !== null && "rows" in result ? result.rows : undefined;
  return Array.isArray(rows) ? rows : [];
}
