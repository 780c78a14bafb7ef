import { StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { checkCount } from "../../plan/units.js";
import { postgresTenantId } from "../../postgres/tenant-id.js";
import type { RowsChange, RowsInput, RowsOutcome } from "../../types.js";
import { type CounterRow, parseCounter, type RunStatement } from "./client.js";
import { decideGiveBack, decideUse, type LockedCounter } from "./decide.js";
import type { Statements } from "./statements.js";

/** Changes counters in the caller's transaction: one statement when all have room, up to three when not. */
export async function applyChanges(
  input: RowsInput,
  {
    statements,
    run,
    direction,
  }: { readonly statements: Statements; readonly run: RunStatement; readonly direction: "use" | "giveBack" },
): Promise<readonly RowsOutcome[]> {
  const tenantId = postgresTenantId(input.tenantId);
  const isUse = direction === "use";
  // Bounded where nothing is refused too: a number holds no larger sum exactly.
  const changes = input.changes.map((one) => ({ ...one, max: Math.min(one.max, Number.MAX_SAFE_INTEGER) }));
  const params = changes.map(({ metric, units, max }) => ({ metric, units, max }));
  const text = isUse ? statements.add : statements.subtract;
  const changed = byMetric(await run(text, [tenantId, JSON.stringify(params)]));
  const unchanged = changes.filter(({ metric }) => !changed.has(metric)).map(({ metric }) => metric);
  // The first statement locked these counters too: this reads the values that it decided on.
  const read = unchanged.length === 0 ? [] : await run(statements.read, [tenantId, JSON.stringify(unchanged)]);
  const kept = byMetric(read);
  const counters: LockedCounter[] = [];
  for (const change of changes) {
    const row = changed.get(change.metric);
    if (row === undefined) counters.push(keptCounter(change, kept.get(change.metric)));
    else counters.push(await changedCounter(change, row, { added: isUse ? change.units : -change.units, ...input }));
  }
  const { outcomes, set } = isUse ? decideUse(counters) : decideGiveBack(counters);
  if (set.length > 0) await run(statements.set, [tenantId, JSON.stringify(set)]);
  return outcomes;
}

function keptCounter(change: RowsChange, row: CounterRow | undefined): LockedCounter {
  if (row !== undefined) return { change, before: row.used, stored: row.used };
  throw new StoreError(`the quota counter ${describeValue(change.metric)} was deleted while it was locked`);
}

/** Version 0 marks a counter that the first statement created: the rows are counted to know what existed before. */
async function changedCounter(
  change: RowsChange,
  row: CounterRow,
  { added, written }: { readonly added: number; readonly written: boolean },
): Promise<LockedCounter> {
  if (row.version > 0) return { change, before: row.used - added, stored: row.used };
  if (change.count === undefined) return { change, before: 0, stored: row.used };
  const counted = checkCount(await change.count(), change.metric);
  return { change, before: Math.max(0, written ? counted - added : counted), stored: row.used };
}

export const byMetric = (rows: readonly unknown[]): Map<string, CounterRow> =>
  new Map(rows.map(parseCounter).map((row) => [row.metric, row]));
