import type { QuotaLimit } from "@scale/core";
import type { Period, QuotaRefusal } from "../types.js";
import { withCredit } from "./credit.js";
import type { Grant, RefusalInput } from "./grant.js";

/** Usage and limit of one metric of a tenant. */
export interface MetricStatus {
  readonly plan: string;
  /** Kind of the plan's limit. `hard` refuses above `limit`, `soft` above `max`, `unlimited` never. */
  readonly kind: QuotaLimit["kind"];
  /** Name of one unit. */
  readonly unit: string | undefined;
  /** Units used in the period, less its credits; never below 0. */
  readonly used: number;
  /** Units reserved and not yet committed; 0 for rows. */
  readonly held: number;
  /** Units of credits that are not used up: they are admitted above `limit`. */
  readonly credit: number;
  /** Units that are included; `Infinity` for `unlimited`, which JSON writes as null. */
  readonly limit: number;
  /** Units that are admitted, with `credit`; `Infinity` where nothing is refused. */
  readonly max: number;
  /** Units that would still be admitted. */
  readonly remaining: number;
  /** Time at which the count starts again from 0, in milliseconds since the epoch; `undefined` when it never does. */
  readonly resetsAt: number | undefined;
  /** False when `used` may be wrong. The count of unlimited rows is: it is not kept. */
  readonly exact: boolean;
  /** Time by the store's clock, in milliseconds since the epoch; `undefined` for a metric that was never counted. */
  readonly asOf: number | undefined;
}

/** Whether units would be admitted if they were requested now. Nothing is reserved by it. */
export interface QuotaCheck extends MetricStatus {
  readonly metric: string;
  readonly requested: number;
  readonly allowed: boolean;
  /** Present when the units would not be admitted. */
  readonly refusal: QuotaRefusal | undefined;
}

export function statusOf(
  { plan, kind, limit, max }: Grant,
  count: Pick<MetricStatus, "unit" | "used" | "held" | "resetsAt" | "exact" | "asOf">,
): MetricStatus {
  const remaining = Math.max(0, max - count.used - count.held);
  return { plan, kind, limit, remaining, ...count, ...withCredit({ max, used: count.used }) };
}

/** Input of the refusal of `units`; `undefined` when they fit. 0 units ask for room for one. */
export function refusedUnits(
  { grant, status }: { readonly grant: Grant; readonly status: MetricStatus },
  units: number,
): RefusalInput | undefined {
  const { held, resetsAt } = status;
  const used = status.used - status.credit;
  const requested = Math.max(units, 1);
  return used + held + requested <= grant.max ? undefined : { grant, used, held, requested, resetsAt };
}

/** End of a period; `undefined` for one that never ends. */
export const resetTime = ({ endsAt }: Period): number | undefined => (endsAt === Infinity ? undefined : endsAt);
