import type { PlanResolver } from "@scale/core";
import { type BulkUsageStore, createQuota, rows, usage } from "@scale/quota";
import { drizzleRows } from "@scale/quota/drizzle";
import { eq } from "drizzle-orm";
import type { Database, RoutedDatabase } from "./db/client.js";
import { contacts, deals, SCHEMA } from "./db/schema.js";

export interface CrmQuotaOptions {
  readonly db: RoutedDatabase;
  /** Where e-mails are counted. */
  readonly store: BulkUsageStore;
  readonly plans: PlanResolver;
}

/** All tenants of the example subscribed on the same day; of a real one its row tells. Months are counted from here. */
const SUBSCRIBED = { anchor: new Date("2026-01-01T00:00:00Z") };

/** How much of what a tenant may have: rows counted in the transaction that writes them, e-mails before they are sent. */
export function createCrmQuota({ db, store, plans }: CrmQuotaOptions) {
  return createQuota({
    metrics: {
      // Asked once for a tenant, when it has rows from before they were counted.
      contacts: rows({ count: async (tenantId, tx: Database) => tx.$count(contacts, eq(contacts.tenantId, tenantId)) }),
      deals: rows({ count: async (tenantId, tx: Database) => tx.$count(deals, eq(deals.tenantId, tenantId)) }),
      emails: usage({ unit: "e-mails", per: "month" }),
    },
    plans,
    // Changed in the caller's transaction, which is on the primary. So is what is told of them outside of one.
    rows: drizzleRows<Database>({ db: db.$primary, schema: SCHEMA }),
    usage: store,
    subscription: () => SUBSCRIBED,
    // While Redis is away e-mails are sent uncounted: a few too many cost less than none at all.
    whenUsageFails: { hard: "allow", soft: "allow" },
  });
}

export type CrmQuota = ReturnType<typeof createCrmQuota>;

/** Where a tenant stands after a change. */
export interface QuotaUpdate {
  readonly tenantId: string;
  readonly metric: "contacts" | "deals" | "emails";
  /** `undefined` for units that were given back: those tell of no plan. */
  readonly plan: string | undefined;
  /** `undefined` where nothing is counted, as on a plan without a limit. */
  readonly used: number | undefined;
}

/** The quota as the routes use it. */
export interface QuotaCounting {
  readonly quota: CrmQuota;
  /** Gets every change after it has happened, for the live page. */
  readonly onCount: (count: QuotaUpdate) => void;
}
