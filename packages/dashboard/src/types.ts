/** Where the page gets its numbers. `@scale/metrics` has one; an object of your own will do. */
export interface DashboardSource {
  /** The present state. Called once a second while a viewer looks, whatever their number. */
  read(): DashboardData | Promise<DashboardData>;
  /** The page of one tenant; `undefined` for a tenant that is not known. */
  tenant?(tenantId: string): TenantDetails | undefined | Promise<TenantDetails | undefined>;
  /** Ids of tenants that match what a viewer typed, the best first. */
  search?(text: string): readonly string[] | Promise<readonly string[]>;
}

export interface DashboardData {
  /** Dependencies, unless a health of `@scale/health` is given. */
  readonly dependencies?: readonly DependencyState[];
  /** Requests of the last 60 seconds. */
  readonly requests: RequestCounts & Latency & { readonly perSecond: number };
  /** The last 60 seconds, oldest first, without the one that is not over. */
  readonly seconds: readonly SecondCounts[];
  /** The busiest tenants of the last 60 seconds. */
  readonly tenants: readonly TenantCounts[];
  /** Tabs of features, by the name of the tab: tiles and tables. A tab without data is not shown. */
  readonly tabs?: Readonly<Partial<Record<TabName, TabData>>>;
  /** Another system with the same traffic, for a line in the chart and a sentence. */
  readonly comparison?: Comparison;
}

/** The last 60 seconds of the same requests here and in another system, both measured in the same place. */
export interface Comparison {
  /** Name of the other system: `"the packages off"`. */
  readonly label: string;
  readonly here: ComparedRequests;
  readonly there: ComparedRequests;
  /** p99 there for each of `seconds`, in milliseconds; `null` without requests. */
  readonly p99BySecond: readonly (number | null)[];
}

export interface ComparedRequests {
  readonly requests: number;
  readonly failed: number;
  readonly p99: number | null;
}

export type TabName = "limits" | "cache" | "database" | "queues" | "resilience";

export interface DependencyState {
  readonly name: string;
  readonly status: "pass" | "warn" | "fail";
  readonly note?: string;
}

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
  /** Milliseconds; `null` while not known. */
  readonly p99: number | null;
}

export interface TabData {
  readonly tiles?: readonly Tile[];
  readonly tables?: readonly Table[];
}

export interface Tile {
  readonly label: string;
  readonly value: string | number;
  readonly note?: string;
}

export interface Table {
  readonly caption: string;
  readonly columns: readonly string[];
  /** The first cell names the row. Numbers are aligned to the right. */
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface TenantDetails extends TabData {
  readonly tenantId: string;
  readonly plan?: string;
}

/** A decision in the words of the feed. */
export interface FeedEvent {
  readonly atMs: number;
  readonly tenantId?: string;
  readonly kind: "limit" | "database" | "cache" | "resilience" | "health" | "change";
  readonly text: string;
  /** How many times it happened, in this second. */
  readonly count: number;
}

/** A decision about a request of one tenant. */
export interface TenantDecision {
  readonly atMs: number;
  readonly allowed: boolean;
  /** Rule, quota or route that was applied. */
  readonly rule: string;
  /** Part that decided. */
  readonly by: string;
  readonly why: string;
  /** How many times it was decided, in this second. */
  readonly count: number;
}

/** An action of an operator, until all works again. */
export interface Incident {
  readonly label: string;
  readonly startedAtMs: number;
  /** Time at which what was done had ended; absent while it lasts. */
  readonly endedAtMs?: number;
  /** Time at which all worked again; absent before. */
  readonly recoveredAtMs?: number;
  /** The effect on callers, in a sentence. */
  readonly felt: string;
}

/** A button of the page. */
export interface ActionState {
  readonly id: string;
  /** Label of the button now; that of its end while it can be ended. */
  readonly label: string;
  readonly description?: string;
  readonly status: "ready" | "running" | "recovering";
  /** True while the button ends what runs. */
  readonly isEnd: boolean;
}

/** The sentence on top of the page, and the tenants that it is about. */
export interface Story {
  readonly text: string;
  /** Tenant that sends far more than the others. */
  readonly noisy?: string;
  /** Tenants, other than the noisy one, that are refused, fail or are slow. */
  readonly suffering: readonly string[];
}

/** One message of the stream, and the answer of `data`. */
export interface Snapshot extends DashboardData {
  readonly title: string;
  readonly atMs: number;
  readonly dependencies: readonly DependencyState[];
  readonly story: Story;
  /** Newest first. */
  readonly events: readonly FeedEvent[];
  /** Actions that operators have, and what was done with them, newest first. */
  readonly actions: { readonly title: string; readonly list: readonly ActionState[] };
  readonly incidents: readonly Incident[];
}
