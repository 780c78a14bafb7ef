import type { Reconciled } from "../../types.js";
import { type CounterRow, parseCounter, type RunStatement } from "./client.js";
import type { Statements } from "./statements.js";

/** How often a counter that changes during the count is counted again before it is left as it is. */
const ATTEMPTS = 5;

/** One counter, and the function that counts its rows. */
export interface Reconciliation {
  readonly run: RunStatement;
  readonly statements: Statements;
  readonly tenantId: string;
  readonly metric: string;
  readonly count: () => Promise<number>;
}

/**
 * Counts without a lock, and corrects the counter only if its version is still the one from before the count. Then no
 * change was committed in between, and no change under way was counted.
 */
export async function reconcileByVersion(work: Reconciliation): Promise<Reconciled> {
  let last: Reconciled | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await readOne(work);
    const source = await work.count();
    const before = found?.used ?? source;
    const drift = before - source;
    const corrected = found === undefined ? await create(work, source) : await correct(work, { found, drift });
    last = { before, source, drift, corrected };
    if (corrected) break;
  }
  return last ?? { before: 0, source: 0, drift: 0, corrected: false };
}

/** Locks the counter until the transaction ends: transactions that change rows wait during the count. */
export async function reconcileLocked(work: Reconciliation): Promise<Reconciled> {
  const { run, statements, tenantId, metric } = work;
  const [row] = await run(statements.subtract, [tenantId, JSON.stringify([{ metric, units: 0 }])]);
  const found = parseCounter(row);
  const source = await work.count();
  // Version 0: the counter did not exist, so it had no drift.
  const before = found.version === 0 ? source : found.used;
  if (found.used !== source) await run(statements.set, [tenantId, JSON.stringify([{ metric, used: source }])]);
  return { before, source, drift: before - source, corrected: true };
}

async function readOne({ run, statements, tenantId, metric }: Reconciliation): Promise<CounterRow | undefined> {
  const [row] = await run(statements.read, [tenantId, JSON.stringify([metric])]);
  return row === undefined ? undefined : parseCounter(row);
}

async function create({ run, statements, tenantId, metric }: Reconciliation, used: number): Promise<boolean> {
  const created = await run(statements.create, [tenantId, JSON.stringify([{ metric, used }])]);
  return created.length > 0;
}

async function correct(
  { run, statements, tenantId, metric }: Reconciliation,
  { found, drift }: { readonly found: CounterRow; readonly drift: number },
): Promise<boolean> {
  if (drift === 0) return true;
  const change = { metric, delta: -drift, version: found.version };
  return (await run(statements.correct, [tenantId, JSON.stringify([change])])).length > 0;
}
