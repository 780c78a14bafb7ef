import {
  type CacheShareInput,
  type DatabaseShareInput,
  definePlans,
  hard,
  type PageSizeInput,
  type PlanInput,
  type QueueShareInput,
  type QuotaLimitInput,
  type RealtimeShareInput,
  soft,
  unlimited,
} from "@scale/core";

/** The plans: everything each plan includes, in one place. */
export const plans = definePlans(
  {
    free: plan({
      ...{ perQuarterHour: 500, perUser: 250, perSecond: 3, searchesPerMinute: 60, exportsPerMinute: 3 },
      quota: { contacts: hard(105), deals: hard(52), emails: hard(20) },
      cache: { weight: 1, maxBytes: "64KiB" },
      queue: { weight: 1, maxInFlight: 2, maxBacklog: 1000 },
      realtime: { maxConnections: 10, maxConnectionsPerUser: 2 },
      database: { maxConnections: 2 },
      pageSize: { default: 50, max: 50 },
    }),
    basic: plan({
      ...{ perQuarterHour: 2000, perUser: 1000, perSecond: 8, searchesPerMinute: 240, exportsPerMinute: 6 },
      quota: { contacts: hard(500), deals: hard(250), emails: soft(50, { overage: 0.2 }) },
      cache: { weight: 2 },
      queue: { weight: 2, maxInFlight: 4, maxBacklog: 5000 },
      realtime: { maxConnections: 50, maxConnectionsPerUser: 4 },
      database: { maxConnections: 3 },
      pageSize: { default: 50, max: 100 },
    }),
    professional: plan({
      ...{ perQuarterHour: 5000, perUser: 2500, perSecond: 15, searchesPerMinute: 600, exportsPerMinute: 15 },
      quota: { contacts: hard(5000), deals: hard(2500), emails: soft(1000, { overage: 0.2 }) },
      cache: { weight: 4 },
      queue: { weight: 4, maxInFlight: 8 },
      realtime: { maxConnections: 250 },
      database: { maxConnections: 5 },
      pageSize: { default: 50, max: 200 },
    }),
    enterprise: plan({
      ...{ perQuarterHour: 20_000, perUser: 5000, perSecond: 60, searchesPerMinute: 1200, exportsPerMinute: 60 },
      quota: { contacts: unlimited(), deals: unlimited(), emails: unlimited() },
      cache: { weight: 8 },
      queue: { weight: 8 },
      realtime: { maxConnections: 1000 },
      database: { maxConnections: 8 },
      pageSize: { default: 50, max: 500 },
    }),
  },
  // Added to every refusal that a larger plan would have admitted.
  { upgradeUrl: ({ to }) => `https://crm.example/billing?plan=${to}` },
);

interface Included {
  /** Requests of the whole tenant in 15 minutes. */
  readonly perQuarterHour: number;
  /** Requests of one user in 15 minutes, so that one user cannot consume the limit of all colleagues. */
  readonly perUser: number;
  /** Requests of the whole tenant in a second, with a burst of twice as many. Smooths the load within the long windows. */
  readonly perSecond: number;
  readonly searchesPerMinute: number;
  readonly exportsPerMinute: number;
  /** Rows that may exist at a time, and e-mails per month. */
  readonly quota: Readonly<Record<"contacts" | "deals" | "emails", QuotaLimitInput>>;
  /** Weight of the tenant in the cache memory of each process, when the tenants want more than there is. */
  readonly cache: CacheShareInput;
  /** Share of the workers, and jobs that may run or wait at a time. */
  readonly queue: QueueShareInput;
  /** Open streams of notifications in each process. */
  readonly realtime: RealtimeShareInput;
  /** Statements and transactions a tenant runs at the same time in each process. Further ones queue. */
  readonly database: DatabaseShareInput;
  /** Rows per page of a list. */
  readonly pageSize: PageSizeInput;
}

function plan({
  perQuarterHour,
  perUser,
  perSecond,
  searchesPerMinute,
  exportsPerMinute,
  ...rest
}: Included): PlanInput {
  return {
    rateLimit: {
      rules: {
        tenant: { limit: perQuarterHour, window: "15m" },
        // A machine of the tenant has no user: the rules of the tenant count it.
        user: { limit: perUser, window: "15m", whenSubjectMissing: "skip" },
        "tenant-second": { limit: perSecond, window: "1s", burst: 2 * perSecond, by: "tenant" },
      },
      groups: {
        // Search as you type sends a request per letter. Most are decided from leased units without asking Redis, and
        // while Redis is down searches are not worth refusing.
        search: { tenant: { limit: searchesPerMinute, window: "1m", lease: "2s", whenStoreFails: "allow" } },
        // An export reads every row. The strict window enforces the limit in any minute, wherever that minute starts.
        export: {
          tenant: { limit: exportsPerMinute, window: "1m", algorithm: "strict-window" },
          running: { limit: 2, algorithm: "concurrency", by: "tenant", ttl: "30s" },
        },
      },
    },
    ...rest,
  };
}
