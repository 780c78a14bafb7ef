import { admit, type Refused, type UnitsByMetric, type Use } from "../plan/admit.js";
import type { Asked, Grant } from "../plan/grant.js";
import { type Charge, chargesOf, isCounted, peek, type RowsQuotaOptions } from "./charges.js";
import { reconcile, standings } from "./reconcile.js";
import { thresholds } from "../thresholds.js";
import type { Reconciled, RowsOutcome, RowsStanding } from "../types.js";
import { thresholdUnits } from "../usage/rules.js";

/** What a call that changes rows is told beside the units. */
export interface RowsOptions<Db> {
  /** The transaction in which the rows are made or deleted. */
  readonly tx: Db;
  /**
   * Whether the rows of this call are made, or deleted, already. It matters when the tenant has no counter yet and its
   * rows are counted.
   * @default false for `use`, which comes before the insert; true for `giveBack`, which comes after the delete
   */
  readonly written?: boolean;
}

export interface GivenBack {
  readonly metric: string;
  /** Units that exist after this call; `undefined` for an unlimited metric, of which no count is kept. */
  readonly used: number | undefined;
  /** Units that were not there to be given back: the counter ended at 0 and was too low before. 0 when all is well. */
  readonly missing: number;
}

export interface RowsQuota<Db> {
  tryUse(tenantId: string, units: UnitsByMetric, options: RowsOptions<Db>): Promise<Refused | readonly Use[]>;
  giveBack(tenantId: string, units: UnitsByMetric, options: RowsOptions<Db>): Promise<readonly GivenBack[]>;
  /** Where metrics stand. One without a counter is counted, and has one then, unless the plan keeps none. */
  standings(grants: readonly Grant[]): Promise<readonly (RowsStanding | undefined)[]>;
  reconcile(tenantId: string, metric: string, tx?: Db): Promise<Reconciled>;
}

export function createRowsQuota<Db>(options: RowsQuotaOptions<Db>): RowsQuota<Db> {
  return {
    async tryUse(tenantId, units, { tx, written = false }) {
      const charges = await chargesOf(options, { tenantId, units, tx });
      const outcomes = await use(options, charges, { tx, written });
      const refused = charges.flatMap((charge) => refusedBy(charge, outcomes.get(charge.metric)));
      if (refused.length > 0) return { admitted: false, refusals: options.context.refuse(refused) };
      return charges.map((charge) => admittedBy(charge, outcomes.get(charge.metric)));
    },
    async giveBack(tenantId, units, { tx, written = true }) {
      const charges = await chargesOf(options, { tenantId, units, tx });
      const changes = charges.filter((charge) => isCounted(charge) && charge.units > 0);
      const given = changes.length > 0 ? await options.store.giveBack({ tenantId, changes, written }, tx) : [];
      const outcomes = byMetric(given);
      return charges.map((charge) => givenBackBy(charge, outcomes.get(charge.metric)));
    },
    standings: (grants) => standings(options, grants),
    reconcile: (tenantId, metric, tx) => reconcile(options, { tenantId, metric, tx }),
  };
}

const byMetric = (outcomes: readonly RowsOutcome[]): ReadonlyMap<string, RowsOutcome> =>
  new Map(outcomes.map((outcome) => [outcome.metric, outcome]));

/** What the store says of everything that is counted; those that are only asked about come first. */
async function use<Db>(
  { store }: RowsQuotaOptions<Db>,
  charges: readonly Charge[],
  { tx, written }: Required<RowsOptions<Db>>,
): Promise<ReadonlyMap<string, RowsOutcome>> {
  const kept = charges.filter(isCounted);
  const questions = kept.filter(({ units }) => units === 0);
  const changes = kept.filter(({ units }) => units > 0);
  const peeked = await peek(store, questions, tx);
  const [first] = changes;
  if (first === undefined || peeked.some(({ admitted }) => !admitted)) return byMetric(peeked);
  const { tenantId } = first.grant;
  return byMetric([...peeked, ...(await store.use({ tenantId, changes, written }, tx))]);
}

function givenBackBy({ metric, units }: Charge, outcome: RowsOutcome | undefined): GivenBack {
  const missing = outcome === undefined || outcome.admitted ? 0 : units - outcome.before;
  return { metric, used: outcome?.used, missing };
}

function refusedBy({ grant, units }: Charge, outcome: RowsOutcome | undefined): readonly Asked[] {
  if (outcome === undefined || outcome.admitted) return [];
  return [{ grant, used: outcome.before, held: 0, requested: Math.max(units, 1), resetsAt: undefined }];
}

function admittedBy({ grant, units }: Charge, outcome: RowsOutcome | undefined): Use {
  const { before = 0, used } = outcome ?? {};
  const reached = used === undefined ? [] : reachedBetween(before, used, grant.limit);
  return admit({ grant, units, before, used, reached, period: undefined });
}

// The statement tells what was there before it, and no two transactions saw the same: one of them crossed.
function reachedBetween(before: number, used: number, limit: number): number[] {
  const units = thresholdUnits(limit);
  return thresholds.filter((_, i) => before < (units[i] ?? Infinity) && used >= (units[i] ?? Infinity));
}
