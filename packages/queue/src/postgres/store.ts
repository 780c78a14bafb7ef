import { createDeadline, parseOptions, timeoutOption, withStoreDeadline } from "@scale/core/kit";
import { z } from "zod";
import type { RunStatement, SqlClient } from "../sql/client.js";
import { textColumns } from "../sql/names.js";
import type { QueueStore } from "../store.js";
import { openQueue } from "./queue.js";
import { inSchema, type QueueSchemaOptions } from "./sql/index.js";

export interface PostgresStoreOptions<Tx> extends QueueSchemaOptions {
  /** The application's client on the primary: `pgClient(pool)`, `drizzleClient(db)` or `prismaClient(prisma)`. */
  readonly client: SqlClient<Tx>;
  /**
   * Deadline of one call, in milliseconds. Calls in the caller's transaction have the limits of that transaction.
   * @default 2000
   */
  readonly timeoutMs?: number;
  /**
   * Pause of a worker that found no job, in milliseconds: the delay of a job that another process enqueued.
   * @default 200
   */
  readonly pollMs?: number;
}

const optionsSchema = z.strictObject({
  client: z.custom<object>(
    (value) => typeof value === "object" && value !== null && "inTransaction" in value && "run" in value,
    "expected a client such as pgClient(pool)",
  ),
  schema: z.string().optional(),
  timeoutMs: timeoutOption(2000),
  pollMs: z.number().min(1).max(60_000).default(200),
});

/**
 * Keeps jobs in the application's Postgres, in the tables of `queueTables`: `queue.in(tx)` stores them in its transaction.
 * @throws {ConfigError} that names every wrong option
 */
export function postgresStore<Tx>(options: PostgresStoreOptions<Tx>): QueueStore {
  const { timeoutMs, pollMs } = parseOptions(optionsSchema, options, "postgresStore");
  const { client } = options;
  const deadline = createDeadline(timeoutMs);
  const run: RunStatement = (text, params) =>
    withStoreDeadline(() => client.run(text, params), deadline, "the database of the queue");
  const at = inSchema(options);
  // The client checks that `tx` is one of its transactions.
  const inTransaction = (tx: unknown): RunStatement => client.inTransaction(tx as Tx);
  // The name is any string, and Postgres does not store every one.
  return {
    open: (queue) => openQueue({ ...queue, name: textColumns(queue.name).key, run, at, inTransaction, pollMs }),
  };
}
