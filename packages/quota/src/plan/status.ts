import type { QuotaLimit } from "@scale/core";
import type { Asked, Grant } from "./grant.js";
import type { Period, QuotaRefusal } from "../types.js";

/** Where a tenant stands with one metric. */
export interface MetricStatus {
  readonly plan: string;
  /** What the plan says of it. `hard` refuses above `limit`, `soft` above `max`, `unlimited` never. */
  readonly kind: QuotaLimit["kind"];
  /** What one unit is called. */
  readonly unit: string | undefined;
  readonly used: number;
  /** Units reserved and not yet committed; 0 for rows. */
  readonly held: number;
  /** Units that are included; `Infinity` for `unlimited`, which JSON writes as null. */
  readonly limit: number;
  /** Units that are admitted; `Infinity` where nothing is refused. */
  readonly max: number;
  /** Units that would still be admitted. */
  readonly remaining: number;
  /** Milliseconds since the epoch when the count starts again from 0; `undefined` when it never does. */
  readonly resetsAt: number | undefined;
  /** False when `used` may be wrong, as that of an unlimited metric is, which is not counted. */
  readonly exact: boolean;
  /** Milliseconds since the epoch, by the clock of the store; `undefined` for a metric that was never counted. */
  readonly asOf: number | undefined;
}

/** Whether units would be admitted if they were asked for now. Nothing is reserved by it. */
export interface QuotaCheck extends MetricStatus {
  readonly metric: string;
  readonly requested: number;
  readonly allowed: boolean;
  /** Present when they would not. */
  readonly refusal: QuotaRefusal | undefined;
}

/** Where one count stands, whatever keeps it. */
export interface Position {
  readonly grant: Grant;
  readonly unit: string | undefined;
  readonly used: number;
  readonly held: number;
  readonly resetsAt: number | undefined;
  readonly exact: boolean;
  readonly asOf: number | undefined;
}

export function statusOf({ grant, ...position }: Position): MetricStatus {
  const { plan, kind, limit, max } = grant;
  const remaining = Math.max(0, max - position.used - position.held);
  return { plan, kind, limit, max, remaining, ...position };
}

/** What a refusal of `units` would be about; `undefined` when they fit. 0 asks for one unit. */
export function refusedUnits({ grant, used, held, resetsAt }: Position, units: number): Asked | undefined {
  const requested = Math.max(units, 1);
  return used + held + requested <= grant.max ? undefined : { grant, used, held, requested, resetsAt };
}

/** When a period is over; `undefined` for one that never is. */
export const resetsAt = ({ endsAt }: Period): number | undefined => (endsAt === Infinity ? undefined : endsAt);
