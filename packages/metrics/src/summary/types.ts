export interface Percentiles {
  /** Milliseconds; `undefined` without requests. Each is within 4.4 % of the exact value. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface RecentTrafficSummary extends Percentiles {
  /** Requests of the last windows, each window worth half of the one after it. */
  readonly requests: number;
  readonly errors: number;
  /** `undefined` without requests. */
  readonly errorRatio: number | undefined;
}

export interface TrafficSummary extends Percentiles {
  /** Since the tenant has a series of its own, or since the start of the process. */
  readonly requests: number;
  /** Responses with a status of 500 or more. */
  readonly errors: number;
  /** Requests that took longer than a second. */
  readonly slow: number;
  readonly recent: RecentTrafficSummary;
}

export interface TenantSummary extends TrafficSummary {
  readonly tenantId: string;
}

export type ProblemKind = "errors" | "slow";

/** A tenant whose recent requests fail, or are slow. */
export interface Problem {
  readonly tenantId: string;
  readonly kind: ProblemKind;
  /** The recent share of errors, or p95 in milliseconds. */
  readonly value: number;
  readonly threshold: number;
  /** Recent requests that the value is taken from. */
  readonly requests: number;
  /** Beginning of the problem, in milliseconds since the epoch. */
  readonly since: number;
}

/** Recent requests of a tenant, by which its problems are judged. */
export interface RecentTenant {
  readonly tenantId: string;
  readonly recent: Pick<RecentTrafficSummary, "requests" | "errorRatio" | "p95Ms">;
}

export interface MetricsSummary {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly total: TrafficSummary;
  /** Tenants with series of their own, the one with the most recent requests first. */
  readonly tenants: readonly TenantSummary[];
  /** All other tenants together. */
  readonly other: TrafficSummary;
  readonly problems: readonly Problem[];
}
