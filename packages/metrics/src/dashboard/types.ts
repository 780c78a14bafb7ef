// The data of `@scale/dashboard`, by structure: the packages do not depend on each other.

export interface RequestCounts {
  readonly admitted: number;
  /** Requests above a limit, a quota or a share. */
  readonly denied: number;
  /** Responses with status 500 or higher that no limit caused. */
  readonly failed: number;
}

/** Milliseconds; `null` without requests. */
export interface Latency {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface SecondCounts extends RequestCounts, Latency {}

export interface TenantCounts extends RequestCounts {
  readonly tenantId: string;
  readonly plan?: string;
  /** Milliseconds, of about the last minute; `null` without requests. */
  readonly p99: number | null;
}

export interface Tile {
  readonly label: string;
  readonly value: string | number;
  readonly note?: string;
}

export interface Table {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface TabData {
  readonly tiles?: readonly Tile[];
  readonly tables?: readonly Table[];
}

export type TabName = "limits" | "cache" | "database" | "queues" | "resilience";

export interface DashboardData {
  /** Requests of the last 60 whole seconds. */
  readonly requests: RequestCounts & Latency & { readonly perSecond: number };
  /** The same seconds, oldest first. */
  readonly seconds: readonly SecondCounts[];
  /** The busiest tenants of these seconds, and tenants that are refused, fail or are slow. */
  readonly tenants: readonly TenantCounts[];
  readonly tabs: Readonly<Partial<Record<TabName, TabData>>>;
}

export interface TenantDetails extends TabData {
  readonly tenantId: string;
  readonly plan?: string;
}
