import { QuotaExceeded } from "../errors.js";
import { overageUse, thresholdReach } from "../events.js";
import type { QuotaRefusal } from "../types.js";
import type { Grant } from "./grant.js";

/** Units by metric: `{ users: 1, bytes: 500 }`. */
export type UnitsByMetric<Name extends string = string> = Readonly<Partial<Record<Name, number>>>;

/** Units of one metric that were admitted. */
export interface Use {
  readonly metric: string;
  readonly plan: string;
  readonly units: number;
  /** Units after this call; `undefined` where none are counted: for unlimited rows, or without a store's answer. */
  readonly used: number | undefined;
  readonly limit: number;
  readonly max: number;
  /** True when this call brought the tenant above the units that its plan includes. */
  readonly overage: boolean;
}

/** A call whose units were all admitted. */
export interface Admitted<Name extends string> {
  readonly admitted: true;
  /** One for each metric that the call named. */
  readonly metrics: Readonly<Record<Name, Use>>;
}

/** A call of which nothing was admitted. */
export interface Refused {
  readonly admitted: false;
  /** One for each metric that had no room. */
  readonly refusals: readonly QuotaRefusal[];
}

/**
 * Publishes the overage and the thresholds of an admitted use, and returns the use.
 * `reached` has the thresholds that this call was the first to reach.
 */
export function admit(admitted: {
  readonly grant: Grant;
  readonly units: number;
  readonly before: number;
  readonly used: number | undefined;
  readonly reached: readonly number[];
  readonly period: string | undefined;
}): Use {
  const { grant, units, before, used, reached, period } = admitted;
  const { tenantId, userId, metric, plan, limit, max } = grant;
  const overage = used !== undefined && used > before && used > limit;
  if (used !== undefined && overage) {
    const above = used - Math.max(before, limit);
    overageUse.publish(() => ({ tenantId, userId, metric, plan, units: above, used, limit }));
  }
  for (const threshold of used === undefined ? [] : reached) {
    thresholdReach.publish(() => ({ tenantId, userId, metric, plan, threshold, used: used ?? 0, limit, period }));
  }
  return { metric, plan, units, used: used && Math.max(0, used), limit, max, overage };
}

/** @throws {QuotaExceeded} for a refusal, with the first metric that had no room */
export function orThrow<T extends { readonly admitted: true }>(result: T | Refused): T {
  if (result.admitted) return result;
  const [first] = result.refusals;
  if (first === undefined) throw new TypeError("expected the refusal of at least one metric, got none");
  throw new QuotaExceeded(first);
}

/** Values by metric. `Name` has to be the metrics of the call that the entries were made for. */
export function recordOf<Name extends string, T>(
  entries: readonly (readonly [string, T])[],
): Readonly<Record<Name, T>> {
  return Object.fromEntries(entries) as Record<Name, T>;
}
