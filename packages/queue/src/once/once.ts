import { tenancy } from "@scale/core";
import { createDeadline, describeValue, parseOptions, timeoutOption, withStoreDeadline } from "@scale/core/kit";
import { z } from "zod";
import type { SqlClient } from "../sql/client.js";
import { storableText, tenantColumns } from "../sql/names.js";
import { onceTable, type OnceTableOptions } from "./table.js";

export interface OnceOptions<Tx> extends OnceTableOptions {
  /** The application's client: `pgClient(pool)`, `drizzleClient(db)` or `prismaClient(prisma)`. */
  readonly client: SqlClient<Tx>;
  /**
   * Deadline of `prune`, in milliseconds. `once` runs under the limits of the caller's transaction.
   * @default 5000
   */
  readonly timeoutMs?: number;
}

/** Result of `once`: `fn` ran now, or the key was recorded by a transaction that has committed. */
export type OnceResult<T> = { readonly ran: true; readonly value: T } | { readonly ran: false };

/** A ledger of keys whose effects have happened. */
export interface OnceLedger<Tx> {
  /**
   * Runs `fn` unless it ran for this key of the tenant before, in a transaction that committed. The key and the effects of
   * `fn` commit together or not at all; a second transaction with the key waits for the first one.
   *
   * Only what `fn` does in `tx` is undone by a rollback. An effect outside of the database can happen without the record:
   * the process dies between the two. Give its receiver the same key.
   * @param key 1 to 1,024 bytes, such as the id of the job and the name of the effect
   * @throws {TenantError} outside of `tenancy.run`, which the worker calls for each job
   * @throws what `fn` throws; the key is not recorded then, also when the caller's transaction goes on
   */
  once<T>(tx: Tx, key: string, fn: (tx: Tx) => Promise<T>): Promise<OnceResult<T>>;
  /**
   * Deletes records that are older than `olderThanMs`, at most 10,000 in one call. Resolves to their number. A key can run
   * again after that: keep them for longer than a job can be retried or redriven.
   */
  prune(options: { readonly olderThanMs: number }): Promise<number>;
}

const optionsSchema = z.strictObject({
  client: z.custom<object>(
    (value) => typeof value === "object" && value !== null && "inTransaction" in value,
    "expected a client such as pgClient(pool)",
  ),
  schema: z.string().optional(),
  table: z.string().optional(),
  timeoutMs: timeoutOption(5000),
});

const prunedRow = z.object({ pruned: z.coerce.number() });

/** @throws {ConfigError} that names every wrong option */
export function createOnce<Tx>(options: OnceOptions<Tx>): OnceLedger<Tx> {
  const { timeoutMs } = parseOptions(optionsSchema, options, "createOnce");
  const { client } = options;
  const deadline = createDeadline(timeoutMs);
  const statements = statementsOn(onceTable(options));
  return {
    async once(tx, key, fn) {
      const params = [tenantColumns(tenancy.require().tenantId).key, storableText(key, "once: key")];
      const run = client.inTransaction(tx);
      const recorded = await run(statements.record, params);
      if (recorded.length === 0) return { ran: false };
      try {
        return { ran: true, value: await fn(tx) };
      } catch (error) {
        // After an error of the database the transaction can only roll back, and the record goes with it.
        await run(statements.forget, params).catch(() => undefined);
        throw error;
      }
    },
    async prune({ olderThanMs }) {
      if (!Number.isFinite(olderThanMs) || olderThanMs < 0) {
        throw new RangeError(`prune: olderThanMs: expected milliseconds >= 0, got ${describeValue(olderThanMs)}`);
      }
      const call = (): Promise<readonly unknown[]> => client.run(statements.prune, [String(olderThanMs)]);
      const [row] = await withStoreDeadline(call, deadline, "the database of the run-once ledger");
      return prunedRow.parse(row).pruned;
    },
  };
}

function statementsOn(table: string): { readonly record: string; readonly forget: string; readonly prune: string } {
  return {
    // Waits for a transaction that holds the key: it finds the row when that one commits, and inserts when it rolls back.
    record: `insert into ${table} (tenant_id, key) values ($1::text, $2::text)
on conflict (tenant_id, key) do nothing returning 1 as recorded`,
    forget: `delete from ${table} where tenant_id = $1::text and key = $2::text`,
    prune: `with old as (
  select tenant_id, key from ${table} where recorded_at < clock_timestamp() - $1::text::float8 * interval '1 millisecond'
  order by recorded_at limit 10000 for update skip locked
), pruned as (
  delete from ${table} as o using old where o.tenant_id = old.tenant_id and o.key = old.key returning 1
) select count(*)::text as pruned from pruned`,
  };
}
