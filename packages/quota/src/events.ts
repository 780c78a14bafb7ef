import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { QuotaRefusal, Reconciled } from "./types.js";

export interface ThresholdReached {
  readonly tenantId: string;
  readonly metric: string;
  readonly plan: string;
  /** The part of `limit` that was reached: 0.8 or 1. */
  readonly threshold: number;
  readonly used: number;
  readonly limit: number;
  /** The key of the billing period of a usage metric; `undefined` for rows. */
  readonly period: string | undefined;
}

/**
 * Published once for each threshold that is reached: by the one transaction that crossed it for rows, and again when
 * units were given back and it is crossed anew; by one process in a period for usage.
 * For rows that is before the transaction commits: one that rolls back afterwards has published it too.
 */
export const thresholdReach: EventChannel<ThresholdReached> = defineEvent("scale:quota:threshold-reach");

export interface OverageUsed {
  readonly tenantId: string;
  readonly metric: string;
  readonly plan: string;
  /** Units of this call above what the plan includes. */
  readonly units: number;
  readonly used: number;
  readonly limit: number;
}

/** Published for every use that a soft limit admitted above what the plan includes. */
export const overageUse: EventChannel<OverageUsed> = defineEvent("scale:quota:overage-use");

/** Published for every refusal, whether it is thrown or returned. */
export const useRefuse: EventChannel<QuotaRefusal> = defineEvent("scale:quota:use-refuse");

export interface DriftFound extends Reconciled {
  readonly tenantId: string;
  readonly metric: string;
  /** The key of the billing period of a usage metric; `undefined` for rows. */
  readonly period: string | undefined;
}

/** Published when a count and what it counts were found apart, and the count was corrected. */
export const driftFind: EventChannel<DriftFound> = defineEvent("scale:quota:drift-find");

export interface StoreFailed {
  readonly tenantId: string;
  readonly metrics: readonly string[];
  /** What the use got: `allow` says that it passed and was not counted. */
  readonly decided: "allow" | "throw";
  readonly error: unknown;
}

/** Published whenever the usage store could not answer, whatever `whenUsageFails` says. */
export const storeFail: EventChannel<StoreFailed> = defineEvent("scale:quota:store-fail");
