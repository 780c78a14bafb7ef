import { admit, type Admitted, recordOf, type Refused, type UnitsByMetric, type Use } from "../plan/admit.js";
import { countName, type UserOptions } from "../plan/count-name.js";
import type { Grant, RefusalInput } from "../plan/grant.js";
import { type MetricStatus, resetTime, statusOf } from "../plan/status.js";
import type { UsageFailurePolicy } from "../options.js";
import type { Period } from "../types.js";
import { createFailurePolicy } from "./failure-policy.js";
import { newCall } from "./idempotency.js";
import { changeOf, peek, type RequestOptions, requestsOf, type UsageRequest } from "./requests.js";
import { createReservation, type Reservation } from "./reservation.js";
import type { ChangeOutcome, ChangesOutcome, ConsumeInput, UsageChange, UsageStore } from "./store.js";

export interface ReserveOptions extends UserOptions {
  /**
   * Name of the work. The same id is counted once, in whatever period it is repeated: it is admitted again while its units
   * are held, and after they were committed. With other units or metrics it is an `IdempotencyError` until they are
   * released. At most 1024 characters, and chosen by the application: a client that can repeat an id gets the second use
   * for nothing.
   * @default a random id
   */
  readonly id?: string;
  /**
   * Milliseconds after which a hold that was neither committed nor released expires, up to 24 hours.
   * @default 60_000
   */
  readonly ttlMs?: number;
}

export interface ConsumeOptions extends Pick<ReserveOptions, "id" | "userId"> {
  /**
   * Treatment of units without room: `reject` refuses them, `overflow` counts them all the same, for work that was done
   * already.
   * @default "reject"
   */
  readonly over?: "reject" | "overflow";
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
    options: ConsumeOptions,
  ): Promise<Admitted<Name> | Refused>;
  status(grants: readonly Grant[], user: UserOptions): Promise<readonly MetricStatus[]>;
}

export interface UsageQuotaOptions extends RequestOptions {
  readonly store: UsageStore;
  readonly whenUsageFails: { readonly hard: UsageFailurePolicy; readonly soft: UsageFailurePolicy };
}

const DEFAULT_TTL_MS = 60_000;

export function createUsageQuota(options: UsageQuotaOptions): UsageQuota {
  const { store } = options;
  const failurePolicy = createFailurePolicy(options.whenUsageFails);

  /** Outcomes by count, and the refusals among them. No outcomes: the store did not answer and the use was admitted. */
  async function decide(
    requests: readonly UsageRequest[],
    apply: (input: Required<Pick<ConsumeInput, "keepLate" | "changes">>) => Promise<ChangesOutcome>,
  ): Promise<{ readonly outcomes: ReadonlyMap<string, ChangeOutcome> | undefined } | Refused> {
    // The use passes then: the units are right whenever they are counted.
    const keepLate = failurePolicy.admits(requests);
    const outcomes = await failurePolicy.run(requests, () =>
      applyOrPeek(store, requests, (changes) => apply({ keepLate, changes })),
    );
    const refused = requests.flatMap((request) => refusedBy(request, outcomes?.get(request.count)));
    return refused.length > 0 ? { admitted: false, refusals: options.grants.refuse(refused) } : { outcomes };
  }

  return {
    async tryConsume(tenantId, units, { id, userId, over = "reject" }) {
      const requests = await requestsOf(options, { tenantId, units, ...(userId !== undefined && { userId }) });
      const input: Pick<ConsumeInput, "tenantId" | "id"> = { tenantId, ...(id !== undefined && { id }) };
      const bounded = over === "reject" ? requests : requests.map(withoutBound);
      const decision = await decide(bounded, (changes) => store.consume({ ...input, ...changes }));
      if ("refusals" in decision) return decision;
      const uses = requests.map((request) => useOf(request, decision.outcomes?.get(request.count)));
      return { admitted: true, metrics: recordOf(uses.map((use) => [use.metric, use])) };
    },
    async tryReserve(tenantId, units, { id = crypto.randomUUID(), ttlMs = DEFAULT_TTL_MS, userId }) {
      const requests = await requestsOf(options, { tenantId, units, ...(userId !== undefined && { userId }) });
      const call = newCall();
      const decision = await decide(requests, (changes) => store.reserve({ tenantId, id, call, ttlMs, ...changes }));
      if ("refusals" in decision) return decision;
      return createReservation({ requests, id, call, outcomes: decision.outcomes, store, failurePolicy });
    },
    status: (grants, user) => readStatus(options, grants, user),
  };
}

const withoutBound = (request: UsageRequest): UsageRequest => ({
  ...request,
  grant: { ...request.grant, max: Infinity },
});

/** Reads requests for 0 units first: when one has no room, nothing is counted. */
async function applyOrPeek(
  store: UsageStore,
  requests: readonly UsageRequest[],
  apply: (changes: readonly UsageChange[]) => Promise<ChangesOutcome>,
): Promise<ReadonlyMap<string, ChangeOutcome>> {
  const changes = requests.filter(({ units }) => units > 0).map(changeOf);
  const peeked = await peek(
    store,
    requests.filter(({ units }) => units === 0),
  );
  const hasRoom = peeked.every(({ admitted }) => admitted);
  const applied = changes.length > 0 && hasRoom ? (await apply(changes)).changes : [];
  return new Map([...peeked, ...applied].map((outcome) => [outcome.metric, outcome]));
}

/** Status of metrics of one tenant in their current periods, in the order of the grants. */
async function readStatus(
  { store, metrics, currentPeriod }: UsageQuotaOptions,
  grants: readonly Grant[],
  { userId }: UserOptions,
): Promise<readonly MetricStatus[]> {
  const [first] = grants;
  if (first === undefined) return [];
  const counts: { readonly metric: string; readonly period: Period }[] = [];
  for (const { tenantId, metric } of grants) {
    const name = countName({ metric, by: metrics.get(metric)?.by ?? "tenant" }, { tenantId, userId });
    counts.push({ metric: name, period: await currentPeriod(tenantId, metric) });
  }
  const found = await store.read({ tenantId: first.tenantId, metrics: counts });
  return grants.map((grant, i) => {
    const { used = 0, held = 0, exact = false, asOf } = found[i] ?? {};
    const period = counts[i]?.period;
    return statusOf(grant, {
      ...{ unit: metrics.get(grant.metric)?.unit, used, held, exact, asOf },
      resetsAt: period && resetTime(period),
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

function useOf({ grant, units }: UsageRequest, outcome: ChangeOutcome | undefined): Use {
  const { used, repeated = true, reached = [], period } = outcome ?? {};
  const before = used === undefined || repeated ? (used ?? 0) : used - units;
  return admit({ grant, units, before, used, reached, period: period?.key });
}
