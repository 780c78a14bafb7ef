import type { Grant } from "./grant.js";
import { QuotaExceeded } from "../errors.js";
import { overageUse, thresholdReach } from "../events.js";
import type { QuotaRefusal } from "../types.js";

export type UnitsByMetric = Readonly<Record<string, number | undefined>>;

/** Units that were admitted. */
export interface Use {
  readonly admitted: true;
  readonly metric: string;
  readonly plan: string;
  readonly units: number;
  /** Units after this call; `undefined` where none are counted: for an unlimited metric, or without an answer. */
  readonly used: number | undefined;
  readonly limit: number;
  readonly max: number;
  /** True when this brought the tenant above what its plan includes. */
  readonly overage: boolean;
}

/** Units that were not admitted. */
export interface Refused {
  readonly admitted: false;
  /** One for each metric that had no room. */
  readonly refusals: readonly QuotaRefusal[];
}

export interface Admitted {
  readonly grant: Grant;
  readonly units: number;
  readonly before: number;
  readonly used: number | undefined;
  /** Thresholds that this call was the one to reach. */
  readonly reached: readonly number[];
  readonly period: string | undefined;
}

/** What a use answers, after it has been published where somebody wants to know. */
export function admit({ grant, units, before, used, reached, period }: Admitted): Use {
  const { tenantId, metric, plan, limit, max } = grant;
  const overage = used !== undefined && used > before && used > limit;
  if (used !== undefined && overage) {
    const above = used - Math.max(before, limit);
    overageUse.publish(() => ({ tenantId, metric, plan, units: above, used, limit }));
  }
  for (const threshold of used === undefined ? [] : reached) {
    thresholdReach.publish(() => ({ tenantId, metric, plan, threshold, used: used ?? 0, limit, period }));
  }
  return { admitted: true, metric, plan, units, used, limit, max, overage };
}

const isRefused = (result: readonly unknown[] | Refused): result is Refused => "refusals" in result;

/** @throws {QuotaExceeded} for a refusal, about the first metric that had no room */
export function orThrow<T>(result: readonly T[] | Refused): readonly T[] {
  if (!isRefused(result)) return result;
  throw new QuotaExceeded(one(result.refusals));
}

/** The answer to a call about one metric. */
export function firstOf<T>(result: readonly T[]): T;
export function firstOf<T>(result: readonly T[] | Refused): T | Refused;
export function firstOf<T>(result: readonly T[] | Refused): T | Refused {
  return isRefused(result) ? result : one(result);
}

function one<T>(list: readonly T[]): T {
  const [first] = list;
  if (first !== undefined) return first;
  throw new TypeError("expected an answer about one metric, got none");
}
