import { ConfigError } from "@scale/core";
import { createDeadline, describeValue, parseOptions, timeoutOption, withStoreDeadline } from "@scale/core/kit";
import { z } from "zod";
import { checkCount } from "../../plan/units.js";
import { quotaTable, type QuotaTableOptions } from "../../postgres/tables.js";
import { postgresTenantId } from "../../postgres/tenant-id.js";
import type { RowsStore } from "../../types.js";
import { applyChanges, byMetric } from "./apply-changes.js";
import type { RunStatement } from "./client.js";
import { reconcileByVersion, reconcileLocked } from "./reconcile.js";
import { statementsOn } from "./statements.js";

export interface SqlRowsOptions<Db> extends QuotaTableOptions {
  /** Connection or pool of the application, on the primary: for reads outside of a transaction. */
  readonly db: Db;
  /**
   * Maximum duration of a read outside of a transaction, in milliseconds. Inside, the transaction's own limits apply.
   * @default 1000
   */
  readonly timeoutMs?: number;
}

const optionsSchema = z.strictObject({
  db: z.custom<unknown>((value) => typeof value === "object" && value !== null, "expected a client"),
  schema: z.string().optional(),
  table: z.string().optional(),
  timeoutMs: timeoutOption(1000),
});

/** Deadline of `count` outside of a transaction: a count of very many rows takes long, and it blocks no transaction. */
const COUNT_TIMEOUT_MS = 60_000;

/**
 * Rows store for every SQL client.
 * @param dialect how one client library runs a statement; `what` is its public function, for error messages
 */
export function sqlRows<Db>(
  options: SqlRowsOptions<Db>,
  dialect: { readonly what: string; isClient(value: unknown): boolean; runOn(db: Db): RunStatement },
): RowsStore<Db> {
  const deadline = createDeadline(parseOptions(optionsSchema, options, dialect.what).timeoutMs);
  const { db } = options;
  if (!dialect.isClient(db)) throw new ConfigError(`${dialect.what}: db: expected a client, got ${describeValue(db)}`);
  const statements = statementsOn(quotaTable(options));
  const countDeadline = createDeadline(COUNT_TIMEOUT_MS);
  const own = dialect.runOn(db);

  function inTransaction(tx: Db): RunStatement {
    if (!dialect.isClient(tx))
      throw new TypeError(`tx: expected the client of a transaction, got ${describeValue(tx)}`);
    // Each statement would be a transaction of its own, and a refusal would roll nothing back.
    if (tx === db) throw new TypeError("tx: expected the client of a transaction, got the store's own");
    return dialect.runOn(tx);
  }

  const outside: RunStatement = (text, params) =>
    withStoreDeadline(() => own(text, params), deadline, "the database of the quota counters");

  return {
    use: async (input, tx) => applyChanges(input, { statements, run: inTransaction(tx), direction: "use" }),
    giveBack: async (input, tx) => applyChanges(input, { statements, run: inTransaction(tx), direction: "giveBack" }),

    async read(tenantId, metrics, tx) {
      const params = [postgresTenantId(tenantId), JSON.stringify(metrics)];
      const run = tx === undefined ? outside : dialect.runOn(tx);
      const counters = byMetric(await run(statements.read, params));
      return metrics.map((metric) => counters.get(metric));
    },

    async reconcile({ tenantId, metric, count, tx }) {
      const counter = { statements, tenantId: postgresTenantId(tenantId), metric };
      if (tx !== undefined) {
        const inside = async (): Promise<number> => checkCount(await count(tx), metric);
        return reconcileLocked({ ...counter, run: inTransaction(tx), count: inside });
      }
      const counted = (): Promise<number> =>
        withStoreDeadline(() => count(db), countDeadline, `the count of ${metric}`);
      return reconcileByVersion({ ...counter, run: outside, count: async () => checkCount(await counted(), metric) });
    },
  };
}
