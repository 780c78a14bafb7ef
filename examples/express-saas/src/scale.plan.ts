import {
  type CacheShareInput,
  type DatabaseShareInput,
  definePlans,
  hard,
  type PageSizeInput,
  type PlanInput,
  type QuotaLimitInput,
  soft,
  unlimited,
} from "@scale/core";

/** What a tenant gets for its plan. The one place to look at, and to change, when a customer asks what is included. */
export const plans = definePlans(
  {
    free: plan({
      ...{ perQuarterHour: 500, perUser: 250, perSecond: 3, searchesPerMinute: 60, exportsPerMinute: 3 },
      quota: { contacts: hard(105), deals: hard(52), emails: hard(20) },
      cache: { weight: 1, maxBytes: "64KiB" },
      database: { maxConnections: 2 },
      pageSize: { default: 50, max: 50 },
    }),
    basic: plan({
      ...{ perQuarterHour: 2000, perUser: 1000, perSecond: 8, searchesPerMinute: 240, exportsPerMinute: 6 },
      quota: { contacts: hard(500), deals: hard(250), emails: soft(50, { overage: 0.2 }) },
      cache: { weight: 2 },
      database: { maxConnections: 3 },
      pageSize: { default: 50, max: 100 },
    }),
    professional: plan({
      ...{ perQuarterHour: 5000, perUser: 2500, perSecond: 15, searchesPerMinute: 600, exportsPerMinute: 15 },
      quota: { contacts: hard(5000), deals: hard(2500), emails: soft(1000, { overage: 0.2 }) },
      cache: { weight: 4 },
      database: { maxConnections: 5 },
      pageSize: { default: 50, max: 200 },
    }),
    enterprise: plan({
      ...{ perQuarterHour: 20_000, perUser: 5000, perSecond: 60, searchesPerMinute: 1200, exportsPerMinute: 60 },
      quota: { contacts: unlimited(), deals: unlimited(), emails: unlimited() },
      cache: { weight: 8 },
      database: { maxConnections: 8 },
      pageSize: { default: 50, max: 500 },
    }),
  },
  // Goes into every refusal that a larger plan would not have made.
  { upgradeUrl: ({ to }) => `https://crm.example/billing?plan=${to}` },
);

interface Included {
  /** Requests of the whole tenant in 15 minutes. */
  readonly perQuarterHour: number;
  /** Requests of one user in 15 minutes: nobody uses up the allowance of all colleagues. */
  readonly perUser: number;
  /** Of the whole tenant in a second, twice as many after a pause: smooths what the long windows would let through. */
  readonly perSecond: number;
  readonly searchesPerMinute: number;
  readonly exportsPerMinute: number;
  /** Rows that exist at a time, and e-mails in a month. */
  readonly quota: Readonly<Record<"contacts" | "deals" | "emails", QuotaLimitInput>>;
  /** Of the memory of each process, when all tenants want more than there is. */
  readonly cache: CacheShareInput;
  /** Statements and transactions that run at the same time, in each process: the others of the tenant wait in turn. */
  readonly database: DatabaseShareInput;
  /** Rows of a list in one answer. */
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
        user: { limit: perUser, window: "15m" },
        "tenant-second": { limit: perSecond, window: "1s", burst: 2 * perSecond, by: "tenant" },
      },
      groups: {
        // Somebody types, and each letter is a search: most are decided by units that Redis gave in advance, and none is
        // worth a refusal while Redis is away.
        search: { tenant: { limit: searchesPerMinute, window: "1m", lease: "2s", whenStoreFails: "allow" } },
        // An export reads every row. No minute, whenever it begins, has more of them than the plan says.
        export: {
          tenant: { limit: exportsPerMinute, window: "1m", algorithm: "strict-window" },
          running: { limit: 2, algorithm: "concurrency", by: "tenant", ttl: "30s" },
        },
      },
    },
    ...rest,
  };
}
