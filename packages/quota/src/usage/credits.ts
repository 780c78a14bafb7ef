import type { UnitsByMetric } from "../plan/admit.js";
import type { UserOptions } from "../plan/count-name.js";
import type { Period } from "../types.js";
import { conflictOf } from "./idempotency.js";
import { type RequestOptions, requestsOf, type UsageRequest } from "./requests.js";
import type { CreditOutcome, UsageStore } from "./store.js";

export interface CreditOptions extends UserOptions {
  /** Name of the credit: the same id is credited once in a period. At most 1024 characters. */
  readonly id: string;
}

/** Result of crediting one metric. */
export interface Credited {
  /** Units that were credited; for a repeated id, those of its first call. */
  readonly units: number;
  /** True when the id was credited before: nothing was credited again. */
  readonly repeated: boolean;
}

export interface RolloverOptions extends UserOptions {
  /**
   * Maximum number of units that are carried over.
   * @default the limit of the plan
   */
  readonly max?: number;
}

export interface CreditQuotaOptions extends RequestOptions {
  readonly store: UsageStore;
  /** The period before one that is running; `undefined` when there is none. */
  readonly previousPeriod: (tenantId: string, metric: string) => Promise<Period | undefined>;
}

/**
 * Credits units in the current period.
 * @throws {IdempotencyError} when the id was credited with other units
 */
export async function credit(
  options: CreditQuotaOptions,
  { tenantId, units, id, userId }: CreditOptions & { readonly tenantId: string; readonly units: UnitsByMetric },
): Promise<readonly (readonly [string, Credited])[]> {
  const requests = await requestsOf(options, { tenantId, units, ...(userId !== undefined && { userId }) });
  const credited: (readonly [string, Credited])[] = [];
  for (const request of requests) {
    const { units: first, repeated } = await creditOne(options.store, request, id);
    if (first !== request.units) throw conflictOf(id, `credit:${first}`, `credit:${request.units}`);
    credited.push([request.grant.metric, { units: first, repeated }]);
  }
  return credited;
}

/** Credits the units that the previous period has left in the current one, once. */
export async function rollover(
  options: CreditQuotaOptions,
  { tenantId, metric, max, userId }: RolloverOptions & { readonly tenantId: string; readonly metric: string },
): Promise<Credited> {
  const units = { [metric]: 0 };
  const [request] = await requestsOf(options, { tenantId, units, ...(userId !== undefined && { userId }) });
  const previous = await options.previousPeriod(tenantId, metric);
  if (request === undefined || previous === undefined || request.grant.kind === "unlimited")
    return { units: 0, repeated: false };
  const { grant, count } = request;
  const [found] = await options.store.read({ tenantId, metrics: [{ metric: count, period: previous }] });
  const { used = 0, held = 0 } = found ?? {};
  const left = Math.min(max ?? grant.limit, Math.max(0, grant.limit - used - held));
  if (left === 0) return { units: 0, repeated: false };
  // Later commits into the previous period would leave other units: the first rollover counts.
  const outcome = await creditOne(options.store, { ...request, units: left }, `rollover ${previous.key}`);
  return { units: outcome.units, repeated: outcome.repeated };
}

const creditOne = (store: UsageStore, request: UsageRequest, id: string): Promise<CreditOutcome> => {
  const { grant, count, period, units } = request;
  return store.credit({ tenantId: grant.tenantId, metric: count, period, id, units });
};
