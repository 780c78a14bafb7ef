import type { Percentiles } from "../summary/types.js";

export type RollupPeriod = "hour" | "day" | "week";

/** The requests of a tenant in one period, of all processes together. */
export interface Rollup extends Percentiles {
  /** Beginning of the period in UTC, in milliseconds since the epoch. Weeks begin on Monday. */
  readonly from: number;
  readonly requests: number;
  /** Responses with a status of 500 or more. */
  readonly errors: number;
  /** Requests that took longer than a second. */
  readonly slow: number;
  readonly meanMs: number | undefined;
}

export interface RollupQuery {
  readonly period: RollupPeriod;
  /**
   * Number of periods, the current one included.
   * @default 24 hours, 14 days or 8 weeks
   */
  readonly count?: number;
}

/** Hourly, daily and weekly figures. */
export interface Rollups {
  /**
   * Reads periods with requests, the oldest first.
   * @param tenantId a tenant, or `undefined` for all tenants without series of their own
   * @throws {StoreError} when the store did not answer
   */
  read(tenantId: string | undefined, query: RollupQuery): Promise<Rollup[]>;
}
