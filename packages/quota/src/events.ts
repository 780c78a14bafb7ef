import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { QuotaRefusal, Reconciled } from "./types.js";

/**
 * Published once for each threshold that is reached. Usage: by one process in a period. Rows: by the one transaction that
 * crosses the threshold, and again when units were given back and the threshold is crossed anew.
 * Rows publish before the transaction commits, so a transaction that rolls back afterwards has published too.
 */
export const thresholdReach: EventChannel<{
  readonly tenantId: string;
  /** User of a metric that is counted by user. */
  readonly userId?: string | undefined;
  readonly metric: string;
  readonly plan: string;
  /** Part of `limit` that was reached, of the `thresholds` of the metric. */
  readonly threshold: number;
  readonly used: number;
  readonly limit: number;
  /** Key of the billing period of a usage metric; `undefined` for rows. */
  readonly period: string | undefined;
}> = defineEvent("scale:quota:threshold-reach");

/** Published for every use that a soft limit admitted above the units that the plan includes. */
export const overageUse: EventChannel<{
  readonly tenantId: string;
  /** User of a metric that is counted by user. */
  readonly userId?: string | undefined;
  readonly metric: string;
  readonly plan: string;
  /** Units of this call above the units that the plan includes. */
  readonly units: number;
  readonly used: number;
  readonly limit: number;
}> = defineEvent("scale:quota:overage-use");

/** Published for every refusal, whether it is thrown or returned. */
export const useRefuse: EventChannel<QuotaRefusal> = defineEvent("scale:quota:use-refuse");

/** Published when a count differed from its source, and was corrected. */
export const driftFind: EventChannel<
  Reconciled & {
    readonly tenantId: string;
    readonly metric: string;
    /** Key of the billing period of a usage metric; `undefined` for rows. */
    readonly period: string | undefined;
  }
> = defineEvent("scale:quota:drift-find");

/** Published whenever the usage store did not answer, whatever `whenUsageFails` decides. */
export const storeFail: EventChannel<{
  readonly tenantId: string;
  readonly metrics: readonly string[];
  /** Decision for the use: `allow` means that it passed and was not counted. */
  readonly decided: "allow" | "throw";
  readonly error: unknown;
}> = defineEvent("scale:quota:store-fail");

/** Published when usage could not be written to the ledger. The write is retried with growing pauses. */
export const ledgerFail: EventChannel<{
  readonly error: unknown;
  /** Counts of this process that the ledger lacks units of. Redis keeps them meanwhile. */
  readonly counts: number;
}> = defineEvent("scale:quota:ledger-fail");

/**
 * Published when the store gave up a call that got no answer: after a day, a minute for a use without an id, or when the
 * store was closed.
 */
export const repeatFail: EventChannel<{
  readonly tenantId: string;
  readonly metrics: readonly string[];
  /** Call that got no answer: units of a `commit` may be missing, those of a `cancel` may be counted. */
  readonly what: "commit" | "release" | "cancel";
  readonly error: unknown;
}> = defineEvent("scale:quota:repeat-fail");
