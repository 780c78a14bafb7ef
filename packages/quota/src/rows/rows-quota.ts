import { admit, type Admitted, recordOf, type Refused, type UnitsByMetric, type Use } from "../plan/admit.js";
import type { Grant, RefusalInput } from "../plan/grant.js";
import type { MetricStatus } from "../plan/status.js";
import type { Reconciled, RowsInput, RowsOutcome } from "../types.js";
import type { UserOptions } from "../plan/count-name.js";
import { newlyReached } from "../plan/thresholds.js";
import { readStatus, reconcile } from "./reconcile.js";
import { isCounted, peek, requestsOf, type RowsAddress, type RowsQuotaOptions, type RowsRequest } from "./requests.js";

/** Options of a call that changes rows. */
export interface RowsOptions<Db> extends UserOptions {
  /** Transaction in which the rows are inserted or deleted. */
  readonly tx: Db;
  /**
   * Whether the rows of this call are already inserted, or deleted. It matters when the tenant has no counter yet and its
   * rows are counted.
   * @default false for `use`, which comes before the insert; true for `giveBack`, which comes after the delete
   */
  readonly written?: boolean;
}

export interface GivenBack {
  readonly metric: string;
  /** Units that exist after this call; `undefined` for an unlimited metric, whose count is not kept. */
  readonly used: number | undefined;
  /** Units given back that the counter did not have: it was too low before, and ended at 0. Normally 0. */
  readonly missing: number;
}

/** The calls of a quota that are about rows. */
export interface RowsQuota<Db> {
  tryUse<Name extends string>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options: RowsOptions<Db>,
  ): Promise<Admitted<Name> | Refused>;
  giveBack<Name extends string>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options: RowsOptions<Db>,
  ): Promise<Readonly<Record<Name, GivenBack>>>;
  status(grants: readonly Grant[], user: UserOptions): Promise<readonly MetricStatus[]>;
  reconcile(address: RowsAddress, tx?: Db): Promise<Reconciled>;
}

export function createRowsQuota<Db>(options: RowsQuotaOptions<Db>): RowsQuota<Db> {
  return {
    async tryUse(tenantId, units, { tx, written = false, userId }) {
      const requests = await requestsOf(options, { tenantId, units, tx, userId });
      const outcomes = await useOrPeek(options, requests, { tx, written });
      const refused = requests.flatMap((request) => refusedBy(request, outcomes.get(request.metric)));
      if (refused.length > 0) return { admitted: false, refusals: options.grants.refuse(refused) };
      const uses = requests.map(
        (request) => [request.grant.metric, useOf(request, outcomes.get(request.metric))] as const,
      );
      return { admitted: true, metrics: recordOf(uses) };
    },
    async giveBack(tenantId, units, { tx, written = true, userId }) {
      const requests = await requestsOf(options, { tenantId, units, tx, userId });
      const changes = requests.filter((request) => isCounted(request) && request.units > 0);
      const outcomes = byMetric(
        changes.length > 0 ? await options.store.giveBack({ tenantId, changes, written }, tx) : [],
      );
      return recordOf(requests.map((one) => [one.grant.metric, givenBackOf(one, outcomes.get(one.metric))]));
    },
    status: (grants, { userId }) => readStatus(options, grants, userId),
    reconcile: (address, tx) => reconcile(options, address, tx),
  };
}

const byMetric = (outcomes: readonly RowsOutcome[]): ReadonlyMap<string, RowsOutcome> =>
  new Map(outcomes.map((outcome) => [outcome.metric, outcome]));

/** Outcomes of all counted metrics. Requests for 0 units are read first: when one has no room, nothing is counted. */
async function useOrPeek<Db>(
  { store }: RowsQuotaOptions<Db>,
  requests: readonly RowsRequest[],
  { tx, written }: Pick<RowsInput, "written"> & { readonly tx: Db },
): Promise<ReadonlyMap<string, RowsOutcome>> {
  const counted = requests.filter(isCounted);
  const changes = counted.filter(({ units }) => units > 0);
  const peeked = await peek(
    store,
    counted.filter(({ units }) => units === 0),
    tx,
  );
  const [first] = changes;
  if (first === undefined || peeked.some(({ admitted }) => !admitted)) return byMetric(peeked);
  const { tenantId } = first.grant;
  return byMetric([...peeked, ...(await store.use({ tenantId, changes, written }, tx))]);
}

function givenBackOf({ grant: { metric }, units }: RowsRequest, outcome: RowsOutcome | undefined): GivenBack {
  const missing = outcome === undefined || outcome.admitted ? 0 : units - outcome.before;
  return { metric, used: outcome?.used, missing };
}

function refusedBy({ grant, units }: RowsRequest, outcome: RowsOutcome | undefined): readonly RefusalInput[] {
  if (outcome === undefined || outcome.admitted) return [];
  return [{ grant, used: outcome.before, held: 0, requested: Math.max(units, 1), resetsAt: undefined }];
}

function useOf({ grant, units, thresholds }: RowsRequest, outcome: RowsOutcome | undefined): Use {
  const { before = 0, used } = outcome ?? {};
  const { limit } = grant;
  // The statement returns the count before it, and no two transactions see the same one: exactly one of them crossed.
  const earlier = newlyReached(0, before, { limit, thresholds }).at(-1) ?? 0;
  const reached = used === undefined ? [] : newlyReached(earlier, used, { limit, thresholds });
  return admit({ grant, units, before, used, reached, period: undefined });
}
