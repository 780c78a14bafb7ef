import { ConfigError, StoreError } from "@scale/core";
import { createDeadline, describeValue, parseOptions, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import type { RowsChange, RowsInput, RowsOutcome, RowsStore } from "../../types.js";
import { checkCount } from "../../plan/units.js";
import { type CounterRow, parseCounter, type Run } from "./client.js";
import { type Decided, decideGiveBack, decideUse, type Locked } from "./decide.js";
import { reconcileByVersion, reconcileLocked } from "./reconcile.js";
import { storable } from "../../postgres/tenant-id.js";
import { type Statements, statementsOn } from "./statements.js";
import { quotaTable, type QuotaTableOptions } from "../../postgres/tables.js";

export interface SqlRowsOptions<Db> extends QuotaTableOptions {
  /** The application's connection or pool, on the primary: for what is asked outside of a transaction. */
  readonly db: Db;
  /**
   * Milliseconds that a question outside of a transaction may take. Inside, the transaction's own limits hold.
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

/** Outside of a transaction: a count of very many rows takes its time, and nobody is held up by it. */
const COUNT_TIMEOUT_MS = 60_000;

/** What a client of one kind adds: how it runs a statement. */
export interface SqlDialect<Db> {
  /** The public function, for messages. */
  readonly what: string;
  isClient(value: unknown): boolean;
  runOn(db: Db): Run;
}

/** The rows store of every SQL client. */
export function sqlRows<Db>(options: SqlRowsOptions<Db>, dialect: SqlDialect<Db>): RowsStore<Db> {
  const inTime = createDeadline(parseOptions(optionsSchema, options, dialect.what).timeoutMs);
  const { db } = options;
  if (!dialect.isClient(db)) throw new ConfigError(`${dialect.what}: db: expected a client, got ${describeValue(db)}`);
  const statements = statementsOn(quotaTable(options));
  const countInTime = createDeadline(COUNT_TIMEOUT_MS);
  const own = dialect.runOn(db);

  function inTransaction(tx: Db): Run {
    if (!dialect.isClient(tx))
      throw new TypeError(`tx: expected the client of a transaction, got ${describeValue(tx)}`);
    // Each statement would be a transaction of its own, and a refusal would roll nothing back.
    if (tx === db) throw new TypeError("tx: expected the client of a transaction, got the store's own");
    return dialect.runOn(tx);
  }

  const outside: Run = (text, params) => orStoreError(inTime(own(text, params), "the database"), "the quota counters");

  return {
    use: async (input, tx) => change(input, { statements, run: inTransaction(tx), direction: "use" }),
    giveBack: async (input, tx) => change(input, { statements, run: inTransaction(tx), direction: "giveBack" }),

    async read(tenantId, metrics, tx) {
      const params = [storable(tenantId), JSON.stringify(metrics)];
      const run = tx === undefined ? outside : dialect.runOn(tx);
      const counters = byMetric(await run(statements.read, params));
      return metrics.map((metric) => counters.get(metric));
    },

    async reconcile({ tenantId, metric, count, tx }) {
      const work = { statements, tenantId: storable(tenantId), metric };
      if (tx !== undefined) {
        const inside = async (): Promise<number> => checkCount(await count(tx), metric);
        return reconcileLocked({ ...work, run: inTransaction(tx), count: inside });
      }
      const counted = (): Promise<number> =>
        orStoreError(countInTime(count(db), "the count"), `the count of ${metric}`);
      return reconcileByVersion({ ...work, run: outside, count: async () => checkCount(await counted(), metric) });
    },
  };
}

async function orStoreError<T>(work: Promise<T>, what: string): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new StoreError(`${what} could not be had`, { cause });
  }
}

interface Change {
  readonly statements: Statements;
  readonly run: Run;
  readonly direction: "use" | "giveBack";
}

async function change(input: RowsInput, { statements, run, direction }: Change): Promise<readonly RowsOutcome[]> {
  const tenantId = storable(input.tenantId);
  // No sum above what a number holds exactly, also where nothing is refused.
  const changes = input.changes.map((one) => ({ ...one, max: Math.min(one.max, Number.MAX_SAFE_INTEGER) }));
  const asked = changes.map(({ metric, units, max }) => ({ metric, units, max }));
  const text = direction === "use" ? statements.add : statements.takeOff;
  const changed = byMetric(await run(text, [tenantId, JSON.stringify(asked)]));
  const kept = changes.filter(({ metric }) => !changed.has(metric)).map(({ metric }) => metric);
  // Locked by the first statement: what is read now is what it decided on.
  const read = kept.length === 0 ? [] : await run(statements.read, [tenantId, JSON.stringify(kept)]);
  const found = { changed, kept: byMetric(read) };
  const counters: Locked[] = [];
  for (const each of changes) counters.push(await lockedOf(each, { ...found, input, direction }));
  const { outcomes, set }: Decided = direction === "use" ? decideUse(counters) : decideGiveBack(counters);
  if (set.length > 0) await run(statements.set, [tenantId, JSON.stringify(set)]);
  return outcomes;
}

interface Found {
  readonly changed: ReadonlyMap<string, CounterRow>;
  readonly kept: ReadonlyMap<string, CounterRow>;
  readonly input: RowsInput;
  readonly direction: Change["direction"];
}

async function lockedOf(one: RowsChange, { changed, kept, input, direction }: Found): Promise<Locked> {
  const row = changed.get(one.metric);
  const added = direction === "use" ? one.units : -one.units;
  if (row === undefined) {
    const { used } = kept.get(one.metric) ?? missing(one.metric);
    return { change: one, before: used, stored: used };
  }
  if (row.version > 0) return { change: one, before: row.used - added, stored: row.used };
  if (one.count === undefined) return { change: one, before: 0, stored: row.used };
  const counted = checkCount(await one.count(), one.metric);
  return { change: one, before: Math.max(0, input.written ? counted - added : counted), stored: row.used };
}

function missing(metric: string): never {
  throw new StoreError(`the quota counter ${describeValue(metric)} went while it was locked`);
}

const byMetric = (rows: readonly unknown[]): Map<string, CounterRow> =>
  new Map(rows.map(parseCounter).map((row) => [row.metric, row]));
