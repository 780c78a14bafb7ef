import { admit, type Admitted, recordOf, type Refused, type UnitsByMetric, type Use } from "../plan/admit.js";
import type { Grant, Grants, RefusalInput } from "../plan/grant.js";
import { type MetricStatus, resetTime, statusOf } from "../plan/status.js";
import type { UsageFailurePolicy } from "../options.js";
import type { Period, UsageMetric } from "../types.js";
import { createFailurePolicy } from "./failure-policy.js";
import { changeOf, peek, requestsOf, type UsageRequest } from "./requests.js";
import { createReservation, type Reservation } from "./reservation.js";
import type { ChangeOutcome, ChangesOutcome, UsageChange, UsageStore } from "./store.js";

export interface ReserveOptions {
  /**
   * Name of the work. The same id gets the same answer again, and is held once. At most 1024 characters, and chosen by
   * the application: a client that can repeat an id gets the second use for nothing.
   * @default a random id
   */
  readonly id?: string;
  /**
   * Milliseconds after which a hold that was neither committed nor released expires, up to 24 hours.
   * @default 60_000
   */
  readonly ttlMs?: number;
}

/** The calls of a quota that are about usage. */
export interface UsageQuota {
  tryReserve<Name extends string>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options: ReserveOptions,
  ): Promise<Reservation<Name> | Refused>;
  tryConsume<Name extends string>(
    tenantId: string,
    units: UnitsByMetric<Name>,
    options: Pick<ReserveOptions, "id">,
  ): Promise<Admitted<Name> | Refused>;
  status(grants: readonly Grant[]): Promise<readonly MetricStatus[]>;
}

export interface UsageQuotaOptions {
  readonly metrics: ReadonlyMap<string, UsageMetric>;
  readonly store: UsageStore;
  readonly grants: Grants;
  readonly currentPeriod: (tenantId: string, metric: string) => Promise<Period>;
  readonly whenUsageFails: { readonly hard: UsageFailurePolicy; readonly soft: UsageFailurePolicy };
}

const DEFAULT_TTL_MS = 60_000;

export function createUsageQuota(options: UsageQuotaOptions): UsageQuota {
  const { store } = options;
  const failurePolicy = createFailurePolicy(options.whenUsageFails);

  /** Outcomes by metric, and the refusals among them. No outcomes: the store did not answer and the use was admitted. */
  async function decide(
    requests: readonly UsageRequest[],
    apply: (changes: readonly UsageChange[]) => Promise<ChangesOutcome>,
  ): Promise<{ readonly outcomes: ReadonlyMap<string, ChangeOutcome> | undefined } | Refused> {
    const counted = requests.filter(({ grant }) => grant.kind !== "unlimited");
    const outcomes = await failurePolicy(counted, () => applyOrPeek(store, counted, apply));
    const refused = requests.flatMap((request) => refusedBy(request, outcomes?.get(request.grant.metric)));
    return refused.length > 0 ? { admitted: false, refusals: options.grants.refuse(refused) } : { outcomes };
  }

  return {
    async tryConsume(tenantId, units, { id }) {
      const requests = await requestsOf(options, tenantId, units);
      const input = { tenantId, ...(id !== undefined && { id }) };
      const decision = await decide(requests, (changes) => store.consume({ ...input, changes }));
      if ("refusals" in decision) return decision;
      const uses = requests.map((request) => useOf(request, decision.outcomes?.get(request.grant.metric)));
      return { admitted: true, metrics: recordOf(uses.map((use) => [use.metric, use])) };
    },
    async tryReserve(tenantId, units, { id = crypto.randomUUID(), ttlMs = DEFAULT_TTL_MS }) {
      const requests = await requestsOf(options, tenantId, units);
      const decision = await decide(requests, (changes) => store.reserve({ tenantId, id, ttlMs, changes }));
      if ("refusals" in decision) return decision;
      return createReservation({ requests, id, outcomes: decision.outcomes, store, failurePolicy });
    },
    status: (grants) => readStatus(options, grants),
  };
}

/** Reads requests for 0 units first: when one has no room, nothing is counted. */
async function applyOrPeek(
  store: UsageStore,
  counted: readonly UsageRequest[],
  apply: (changes: readonly UsageChange[]) => Promise<ChangesOutcome>,
): Promise<ReadonlyMap<string, ChangeOutcome>> {
  const changes = counted.filter(({ units }) => units > 0).map(changeOf);
  const peeked = await peek(
    store,
    counted.filter(({ units }) => units === 0),
  );
  const hasRoom = peeked.every(({ admitted }) => admitted);
  const applied = changes.length > 0 && hasRoom ? (await apply(changes)).changes : [];
  return new Map([...peeked, ...applied].map((outcome) => [outcome.metric, outcome]));
}

/** Status of metrics of one tenant in their current periods, in the order of the grants. */
async function readStatus(
  { store, metrics, currentPeriod }: UsageQuotaOptions,
  grants: readonly Grant[],
): Promise<readonly MetricStatus[]> {
  const [first] = grants;
  if (first === undefined) return [];
  const periods: { readonly metric: string; readonly period: Period }[] = [];
  for (const { tenantId, metric } of grants) periods.push({ metric, period: await currentPeriod(tenantId, metric) });
  const found = await store.read({ tenantId: first.tenantId, metrics: periods });
  return grants.map((grant, i) => {
    const { used = 0, held = 0, exact = false, asOf } = found[i] ?? {};
    const period = periods[i]?.period;
    return statusOf(grant, {
      ...{ unit: metrics.get(grant.metric)?.unit, used, held, asOf },
      resetsAt: period && resetTime(period),
      exact: exact && grant.kind !== "unlimited",
    });
  });
}

function refusedBy(
  { grant, units, period }: UsageRequest,
  outcome: ChangeOutcome | undefined,
): readonly RefusalInput[] {
  if (outcome === undefined || outcome.admitted) return [];
  const { used, held } = outcome;
  return [{ grant, used, held, requested: Math.max(units, 1), resetsAt: resetTime(period) }];
}

function useOf({ grant, units, period }: UsageRequest, outcome: ChangeOutcome | undefined): Use {
  const { used, repeated = true, reached = [] } = outcome ?? {};
  const before = used === undefined || repeated ? (used ?? 0) : used - units;
  return admit({ grant, units, before, used, reached, period: period.key });
}
